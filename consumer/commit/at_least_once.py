"""Committing at least once: records first, offsets after."""

from collections.abc import Sequence

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from consumer.commit.kafka_sink import KafkaSink, collect_errors, explain
from consumer.commit.sink import AbortedError, CommitStep, CommitTimings, OutputRecord


class AtLeastOnce(KafkaSink):
    """Records first, offsets after: after a crash between the two, the records are written again.

    A commit, in this order:

    1. produce every record (alerts and dead letters);
    2. flush;
    3. verify that each was delivered;
    4. commit the next-to-read offsets.

    Any error ends the producer and has the work done again.
    """

    def open(self) -> None:
        """Create the producer; nothing has to be registered."""
        self._close()
        self._producer = self._new_producer()

    def commit(
        self, records: Sequence[OutputRecord], offsets: Sequence[TopicPartition]
    ) -> CommitTimings:
        """Flush, verify, commit; see the class."""
        started = self._monotonic()
        try:
            self._deliver(records)
            produced = self._monotonic()
            self._hook(CommitStep.OFFSETS)
            _commit_offsets(self._consumer, offsets)
        except KafkaException as error:
            self._close()
            raise AbortedError(explain(error.args[0])) from error
        except AbortedError:
            self._close()
            raise
        self._hook(CommitStep.DONE)
        return CommitTimings(produced - started, self._monotonic() - produced)

    def _deliver(self, records: Sequence[OutputRecord]) -> None:
        """Produce the records, and wait until each is acknowledged."""
        deadline = self._deadline()
        undelivered: list[KafkaError] = []
        self._hook(CommitStep.PRODUCE)
        on_delivery = collect_errors(undelivered)
        for record in records:
            self._produce(record, deadline, on_delivery)
        unacknowledged = self._producer.flush(deadline.remaining)
        if undelivered:
            raise AbortedError(explain(undelivered[0]))
        if unacknowledged:
            raise AbortedError(
                f"{unacknowledged} alerts or dead letters were not acknowledged within "
                f"{self._timeout:g} s"
            )


def _commit_offsets(consumer: Consumer, offsets: Sequence[TopicPartition]) -> None:
    """Commit the offsets, and verify that each partition's was stored.

    Raises:
        KafkaException: with the error of the whole request, or of its first failed partition.
    """
    for partition in consumer.commit(offsets=list(offsets), asynchronous=False) or ():
        if partition.error is not None:
            raise KafkaException(partition.error)
