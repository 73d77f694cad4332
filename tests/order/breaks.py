"""The detector, broken on purpose: the proof of order is worth something only if it finds these."""

from collections.abc import Sequence
from functools import partial
from itertools import count

from confluent_kafka import KafkaException, TopicPartition

from consumer.commit.at_least_once import AtLeastOnce
from consumer.commit.exactly_once import ExactlyOnce
from consumer.commit.sink import AbortedError, OutputRecord
from consumer.detector.checkpoint import Pending
from consumer.detector.loop import Detector
from consumer.detector.source import InputRecord, Source
from tests.order.outside import Metadata

_COUNT = count()


class OffsetsFirst(ExactlyOnce):
    """Commits the offsets, and the records after them."""

    def commit(self, records: Sequence[OutputRecord], offsets: Sequence[TopicPartition]) -> None:
        try:
            self._consumer.commit(offsets=list(offsets), asynchronous=False)
        except KafkaException as error:
            raise AbortedError from error
        super().commit(records, offsets)


class WithoutTransaction(ExactlyOnce):
    """Promises exactly once, and writes without a transaction."""

    def open(self) -> None:
        self._producer = self._new_producer(transactional=False)

    commit = AtLeastOnce.commit


class WithoutGeneration(ExactlyOnce):
    """Sends the offsets as anybody, so that a member that was thrown out is not refused."""

    def _membership(self) -> Metadata:
        group = self._consumer.consumer_group_metadata().group
        return Metadata(group, None, -1)


class AnyMembership(ExactlyOnce):
    """Sends whatever librdkafka knows of the group, though it may have heard that we are out."""

    def _membership(self) -> Metadata:
        return self._consumer.consumer_group_metadata()


class UnfencedId(ExactlyOnce):
    """Takes another transactional id at each start, so that nobody ends what was left open."""

    def open(self) -> None:
        self._new_producer = partial(self._new_producer, name=f"{next(_COUNT)}")
        super().open()


class DeadLettersOutside(ExactlyOnce):
    """Writes dead letters with a producer of their own, before the transaction."""

    def commit(self, records: Sequence[OutputRecord], offsets: Sequence[TopicPartition]) -> None:
        def outside(record: OutputRecord) -> bool:
            return record.topic.endswith(".dlq")

        plain = AtLeastOnce(
            lambda: self._new_producer(transactional=False),
            self._consumer,
            timeout=self._timeout,
            observe=self._observe,
        )
        plain.open()
        for record in filter(outside, records):
            plain._produce(record, float("inf"), lambda _error, _message: None)
        plain._producer.flush(1)
        super().commit([record for record in records if not outside(record)], offsets)


class WithoutRewind(Detector):
    """Forgets to read again what was aborted."""

    def _rewind(self) -> None:
        self._pending = Pending()
        self._redo = False


class RewindsToTheLastBatch(Detector):
    """Forgets, after an abort, the batches that rode along."""

    def _rewind(self) -> None:
        rows = self._pending
        last = Pending()
        last.firsts = {place: rows.nexts[place] - 1 for place in rows.nexts}
        self._pending = last
        super()._rewind()


class KeepsWhatWasRevoked(Source):
    """Scores what it had in hand of a partition that was taken away."""

    def _drop(self, partitions: Sequence[TopicPartition]) -> None:
        del partitions


class BelievesTheGroup(Source):
    """Goes on where Kafka says that the group is, though Kafka may have forgotten."""

    def _undone(self, records: list[InputRecord]) -> list[InputRecord]:
        return records


class CommitsLastRead(Detector):
    """Takes the offset of the last record for the one after it."""

    def _commit(self, records: Sequence[OutputRecord]) -> None:
        self._pending.nexts = {place: max(0, n - 1) for place, n in self._pending.nexts.items()}
        super()._commit(records)
