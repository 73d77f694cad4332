"""Committing at least once: records first, offsets after."""

from collections.abc import Sequence

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from consumer.commit.kafka_sink import KafkaSink, collect_errors, commit_failed, permission_lost
from consumer.commit.sink import AbortedError, CommitStep, CommitTimings, OutputRecord
from consumer.errors import CommitError
from kafkaio.error_codes import AUTHORIZATION_ERRORS


class AtLeastOnce(KafkaSink):
    """Records first, offsets after: after a crash between the two, the records are written again.

    A commit, in this order:

    1. produce every record (alerts and dead letters);
    2. flush;
    3. verify that each was delivered;
    4. commit the next-to-read offsets.
    """

    def open(self) -> None:
        """Create the producer; nothing has to be registered."""
        self._producer = self._new_producer()

    def commit(
        self, records: Sequence[OutputRecord], offsets: Sequence[TopicPartition]
    ) -> CommitTimings:
        """Flush, verify, commit; see the class."""
        deadline = self._deadline().within(self._budget / 2)
        started = self._monotonic()
        undelivered: list[KafkaError] = []
        try:
            self._hook(CommitStep.PRODUCE)
            on_delivery = collect_errors(undelivered)
            for record in records:
                self._produce(record, deadline, on_delivery)
            unacknowledged = self._producer.flush(deadline.remaining)
            if unacknowledged:
                raise CommitError(
                    f"{unacknowledged} alerts or dead letters were not acknowledged within "
                    f"{self._budget / 2:g} s; their offsets are not committed."
                )
            if undelivered:
                if undelivered[0].code() in AUTHORIZATION_ERRORS:
                    raise permission_lost(undelivered[0])
                raise AbortedError(undelivered[0].str())
            produced = self._monotonic()
            self._hook(CommitStep.OFFSETS)
            _commit_offsets(self._consumer, offsets)
        except KafkaException as error:
            if error.args[0].code() in AUTHORIZATION_ERRORS:
                raise permission_lost(error.args[0]) from error
            if error.args[0].fatal():
                raise commit_failed("Results could not be delivered", error) from error
            raise AbortedError(error.args[0].str()) from error
        self._hook(CommitStep.DONE)
        return CommitTimings(produced - started, self._monotonic() - produced)


def _commit_offsets(consumer: Consumer, offsets: Sequence[TopicPartition]) -> None:
    """Commit the offsets, and verify that each partition's was stored.

    Raises:
        KafkaException: with the error of the whole request, or of its first failed partition.
    """
    for partition in consumer.commit(offsets=list(offsets), asynchronous=False) or ():
        if partition.error is not None:
            raise KafkaException(partition.error)
