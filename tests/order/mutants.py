"""Mutants: the detector, broken on purpose. The order suite is worth something if it finds them."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from itertools import count
from typing import Any

from confluent_kafka import KafkaException, TopicPartition

from consumer.commit.at_least_once import AtLeastOnce
from consumer.commit.deadline import Deadline
from consumer.commit.exactly_once import ExactlyOnce
from consumer.commit.journal import Account
from consumer.commit.rejections import Deliveries
from consumer.commit.sink import AbortedError, CommitTimings, OutputRecord
from consumer.detector.checkpoint import Checkpoint
from consumer.detector.loop import Detector
from consumer.detector.protocols import InputRecord, OutputPositions, Trigger
from consumer.detector.source import Source
from kafkaio.gaps import Gap
from kafkaio.partitions import PartitionId
from tests.order.external import Metadata

_COUNT = count()


class OffsetsFirst(ExactlyOnce):
    """Commits the offsets, and the records after them."""

    def commit(
        self, records: Sequence[OutputRecord], offsets: Sequence[TopicPartition]
    ) -> CommitTimings:
        try:
            self._consumer.commit(offsets=list(offsets), asynchronous=False)
        except KafkaException as error:
            raise AbortedError from error
        return super().commit(records, offsets)


class WithoutTransaction(ExactlyOnce):
    """Promises exactly-once, and writes without a transaction."""

    def open(self) -> None:
        new_producer: Any = self._new_producer
        self._producer = new_producer(transactional=False)

    commit = AtLeastOnce.commit
    _deliver = AtLeastOnce._deliver


class WithoutGeneration(ExactlyOnce):
    """Sends the offsets anonymously, so that an evicted member is not fenced."""

    def _membership(self) -> Metadata:
        consumer: Any = self._consumer
        return Metadata(consumer.consumer_group_metadata().group, None, -1)


class AnyMembership(ExactlyOnce):
    """Sends whatever librdkafka knows of the group, though it may have learned of an eviction."""

    def _membership(self) -> object:
        return self._consumer.consumer_group_metadata()


class UnfencedId(ExactlyOnce):
    """Uses another transactional id at each start, so that nobody aborts what was left open."""

    def open(self) -> None:
        new_producer: Any = self._new_producer
        self._new_producer = partial(new_producer, name=f"{next(_COUNT)}")
        super().open()


class DeadLettersOutside(ExactlyOnce):
    """Writes dead letters with a producer of their own, before the transaction."""

    def commit(
        self, records: Sequence[OutputRecord], offsets: Sequence[TopicPartition]
    ) -> CommitTimings:
        def outside(record: OutputRecord) -> bool:
            return record.topic.endswith(".dlq")

        new_producer: Any = self._new_producer
        plain = AtLeastOnce(partial(new_producer, transactional=False), self._consumer)
        plain.open()
        plain._produce(list(filter(outside, records)), Deadline(60.0), Deliveries())
        plain._producer.flush(1)
        return super().commit([record for record in records if not outside(record)], offsets)


class WithoutRewind(Detector):
    """Rolls back after an abort, but does not read the records again."""

    def _rewind(self) -> None:
        self._checkpoint.rollback()
        self._checkpoint._expected.clear()
        self._must_rewind = False


class RewindsToTheLastBatch(Checkpoint):
    """After an abort, reads only the last record again, not the batches that rode along."""

    def rollback(self) -> list[TopicPartition]:
        for account in self._accounts.values():
            account.first = account.next - 1
        return super().rollback()


class CommitsLastRead(Checkpoint):
    """Commits the offset of the last record instead of the one after it."""

    def accounts(self) -> Iterable[Account]:
        for account in self._accounts.values():
            account.next = max(0, account.next - 1)
        return super().accounts()


class TakesUncertainForAborted(Checkpoint):
    """Processes again what a commit without an answer covered, without asking Kafka."""

    def settle(self, committed: Mapping[PartitionId, int], *, now: float) -> bool:
        return super().settle(dict.fromkeys(committed, 0), now=now)


class TakesUncertainForCommitted(Checkpoint):
    """Takes a commit without an answer for done, without asking Kafka."""

    def settle(self, committed: Mapping[PartitionId, int], *, now: float) -> bool:
        return super().settle(dict.fromkeys(committed, sys.maxsize), now=now)


class CountsBeforeItKnows(Checkpoint):
    """Counts the records of a commit without an answer, and again once they are committed."""

    def suspend(self) -> None:
        super().suspend()
        self._metrics.add(self._results, now=0.0)


class BelievesTheGroupAfterAFailure(Source):
    """Asks only the group how far it is, though Kafka may report an earlier offset."""

    def committed(self, partitions: Sequence[TopicPartition]) -> Mapping[PartitionId, int]:
        places = self._consumer.committed(list(partitions), timeout=1.0)
        return {(place.topic, place.partition): place.offset for place in places}


class KeepsWhatWasRevoked(Source):
    """Scores records of a partition that was taken away."""

    def _drop(self, partitions: Sequence[TopicPartition]) -> None:
        """Keep them."""


class BelievesTheGroup(Source):
    """Continues at the group's offset, though Kafka may report an earlier one."""

    def _skip_committed(self, records: list[InputRecord]) -> list[InputRecord]:
        return records


class SkipsSilently(Checkpoint):
    """Continues after records that cannot be read, and reports nothing."""

    def skip(self, gap: Gap) -> None:
        self._begin_after(gap)


class JumpsToTheFirstRecord(Source):
    """Reads on at the first record that is left, as `auto.offset.reset=earliest` does."""

    def read(self) -> tuple[list[InputRecord], Trigger]:
        positions: Any = self._positions
        find = type(positions)._find_gap
        positions._find_gap = lambda *args: (None, find(positions, *args)[1])
        return super().read()


class IgnoresTopicIds(Source):
    """Takes a topic for the one that it was at the start, as long as its name is the same."""

    def read(self) -> tuple[list[InputRecord], Trigger]:
        identity: Any = self._positions._identity
        if not isinstance(identity, Always):
            self._positions._identity = Always(identity.look())
        return super().read()


class Always:
    """Knows one id, whatever happens."""

    def __init__(self, topic_id: str) -> None:
        self._topic_id = topic_id

    def look(self) -> str:
        return self._topic_id

    confirm = look


class CommitsWithoutTopicId(Checkpoint):
    """Commits offsets that do not say in which topic they are."""

    def offsets(self) -> list[TopicPartition]:
        return [
            TopicPartition(place.topic, place.partition, place.offset)
            for place in super().offsets()
        ]


class RemembersTheDeletedTopic(Checkpoint):
    """Keeps its own positions when the topic is recreated."""

    def recreate(self, topic_id: str, gaps: Sequence[Gap]) -> list[Gap]:
        committed = self._committed
        began = super().recreate(topic_id, gaps)
        self._committed = committed
        return began


class RewindsIntoTheNewTopic(Checkpoint):
    """Takes what was read of the deleted topic for what was read of the new one."""

    def recreate(self, topic_id: str, gaps: Sequence[Gap]) -> list[Gap]:
        accounts = self._accounts
        began = super().recreate(topic_id, gaps)
        self._accounts = accounts
        return began

    def _begin_after(self, gap: Gap) -> None:
        self._accounts.setdefault(
            (gap.topic, gap.partition), Account(gap.topic, gap.partition, gap.resume, gap.resume)
        )
        self._expected[gap.topic, gap.partition] = gap.resume


class BeginsAgain(Source):
    """Takes a group whose offsets have expired for a new one."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options | {"outputs": None})


class Outputs:
    """Changes what the outputs tell."""

    def __init__(self, outputs: OutputPositions) -> None:
        self._outputs = outputs


class BeforeTheLast(Outputs):
    """Returns the last source itself, not the offset after it."""

    def next_offsets(self, topic_id: str, partitions: Sequence[int]) -> Mapping[int, int]:
        positions = self._outputs.next_offsets(topic_id, partitions)
        return {number: max(0, position - 1) for number, position in positions.items()}


class OfAnyTopic(Outputs):
    """Takes outputs of a deleted topic for those of the present one."""

    def next_offsets(self, topic_id: str, partitions: Sequence[int]) -> Mapping[int, int]:
        every = [
            self._outputs.next_offsets(str(number + 1), partitions)
            for number in range(int(topic_id))
        ]
        return {
            number: max(positions.get(number, 0) for positions in every) for number in partitions
        }


class ScoresTheLastAgain(Source):
    """Continues at the source of the last output."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options | {"outputs": BeforeTheLast(options["outputs"])})


class BelievesOutputsOfADeletedTopic(Source):
    """Continues in a recreated topic where the deleted one's last output came from."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options | {"outputs": OfAnyTopic(options["outputs"])})
