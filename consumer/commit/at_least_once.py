"""Committing at least once: records first, offsets after."""

from collections.abc import Sequence
from contextlib import suppress

from confluent_kafka import Consumer, KafkaException, TopicPartition

from consumer.commit.kafka_sink import KafkaSink, without_traceback
from consumer.commit.rejections import Deliveries
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
        self._adjuster.adjusted.clear()
        deliveries = Deliveries()
        try:
            self._deliver(records, deliveries)
            produced = self._monotonic()
            self._hook(CommitStep.OFFSETS)
            _commit_offsets(self._consumer, offsets)
        except KafkaException as error:
            self._close()
            reason = self._explain(error.args[0], records, deliveries)
            raise AbortedError(reason) from without_traceback(error)
        except AbortedError:
            self._close()
            raise
        self._report_adjusted()
        self._hook(CommitStep.DONE)
        return CommitTimings(produced - started, self._monotonic() - produced)

    def _deliver(self, records: Sequence[OutputRecord], deliveries: Deliveries) -> None:
        """Produce the records, and wait until each is acknowledged."""
        deadline = self._deadline()
        self._hook(CommitStep.PRODUCE)
        attempted = records
        while True:
            with suppress(KafkaException):  # of a record; see `deliveries`
                self._produce(attempted, deadline, deliveries)
            unacknowledged = self._producer.flush(deadline.remaining)
            if not deliveries.failed:
                break
            rejected = [each.record for each in deliveries.failed]
            adjusted = self._adjuster.adjust(rejected, deliveries)
            if adjusted is None:
                raise KafkaException(deliveries.failed[0].error)
            attempted = adjusted
            deliveries.failed.clear()
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
