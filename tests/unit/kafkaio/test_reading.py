"""Bounded reading, with a scripted consumer."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from kafkaio.error_codes import PARTITION_END
from kafkaio.errors import ClientFailedError, PermissionMissingError, TopicMissingError
from kafkaio.reading import raise_lasting, read_to_end, take_records
from kafkaio.settings import KafkaSettings

FIRST, SECOND = ("topic", 0), ("topic", 1)


@dataclass(frozen=True)
class Returned:
    """A message as a consumer returns it: a record, or an error in place of one."""

    number: int
    at: int
    code: int | None = None

    def topic(self) -> str:
        return "topic"

    def partition(self) -> int:
        return self.number

    def offset(self) -> int:
        return self.at

    def error(self) -> KafkaError | None:
        return None if self.code is None else KafkaError(self.code)


@dataclass
class Consumer:
    """Returns one step of a script for each fetch, and nothing after the last one."""

    script: list[Sequence[Returned]]
    assigned: dict[int, int] = field(default_factory=dict)

    def assign(self, partitions: Sequence[TopicPartition]) -> None:
        self.assigned = {partition.partition: partition.offset for partition in partitions}

    def incremental_unassign(self, partitions: Sequence[TopicPartition]) -> None:
        for partition in partitions:
            del self.assigned[partition.partition]

    def consume(self, count: int, timeout: float) -> list[Returned]:
        if timeout == 0.0 or not self.script:  # the rest of a batch
            return []
        return list(self.script.pop(0))


def read(*script: Sequence[Returned], ends: dict[tuple[str, int], int], **options: Any) -> Any:
    consumer: Any = Consumer(list(script))
    batches = read_to_end(consumer, dict.fromkeys(ends, 0), ends, **options)
    read_offsets = [
        [(record.partition(), record.offset()) for record in batch] for batch in batches
    ]
    assert consumer.assigned == {}
    return read_offsets


def test_reading_stops_at_the_given_ends() -> None:
    batches = read(
        [Returned(0, 0), Returned(1, 0), Returned(0, 1), Returned(0, 2)],
        [Returned(1, 1)],
        ends={FIRST: 2, SECOND: 2},
    )
    assert batches == [[(0, 0), (1, 0), (0, 1)], [(1, 1)]]


def test_the_end_of_a_partition_passes_the_markers_of_transactions() -> None:
    assert read([Returned(0, 0)], [Returned(0, 3, PARTITION_END)], ends={FIRST: 3}) == [[(0, 0)]]


def test_the_end_before_an_open_transaction_does_not_end_the_reading() -> None:
    batches = read(
        [Returned(0, 1, PARTITION_END)],
        [Returned(0, 1), Returned(0, 3, PARTITION_END)],
        ends={FIRST: 3},
    )
    assert batches == [[(0, 1)]]


def test_empty_partitions_are_not_fetched() -> None:
    assert read(ends={FIRST: 0}) == []


def test_positions_are_the_next_offsets_to_read() -> None:
    positions = {FIRST: 0, SECOND: 0}
    messages: Any = [Returned(0, 4), Returned(1, 7, PARTITION_END), Returned(2, 9)]
    assert take_records(messages, positions) == messages[:1]
    assert positions == {FIRST: 5, SECOND: 7}


def test_progress_counts_offsets_after_their_batch() -> None:
    events: list[object] = []
    consumer: Any = Consumer([[Returned(0, 0)], [Returned(0, 5, PARTITION_END)]])
    for batch in read_to_end(consumer, {FIRST: 0}, {FIRST: 4}, advance=events.append):
        events += [[record.offset() for record in batch]]
    assert events == [[0], 1, 3]


def test_reading_ends_when_it_may_not_continue() -> None:
    consumer: Any = Consumer([[Returned(0, 0)]])
    answers = iter([True, False])
    batches = read_to_end(consumer, {FIRST: 0}, {FIRST: 9}, may_continue=lambda: next(answers))
    assert [record.offset() for batch in batches for record in batch] == [0]


def test_silence_is_an_error_where_it_is_limited() -> None:
    consumer: Any = Consumer([])
    with pytest.raises(KafkaException):
        list(read_to_end(consumer, {FIRST: 0}, {FIRST: 9}, silence_maximum=0.0))


def test_any_error_is_raised_by_default_except_about_the_unused_group() -> None:
    messages: Any = [Returned(0, 0, KafkaError.GROUP_AUTHORIZATION_FAILED)]
    assert take_records(messages, {FIRST: 0}) == []
    messages = [Returned(0, 0, KafkaError.UNKNOWN)]
    with pytest.raises(KafkaException):
        take_records(messages, {FIRST: 0})


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (KafkaError.UNKNOWN_TOPIC_OR_PART, TopicMissingError),
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, PermissionMissingError),
    ],
)
def test_lasting_errors_are_sentences(code: int, expected: type[Exception]) -> None:
    with pytest.raises(expected, match="topic"):
        raise_lasting(KafkaSettings("h:1"), KafkaError(code), FIRST)


def test_a_fatal_error_is_a_sentence_and_others_are_ignored() -> None:
    raise_lasting(KafkaSettings("h:1"), KafkaError(KafkaError.NOT_LEADER_FOR_PARTITION), FIRST)
    with pytest.raises(ClientFailedError, match="cannot continue"):
        raise_lasting(
            KafkaSettings("h:1"), KafkaError(KafkaError.UNKNOWN, "broken", fatal=True), FIRST
        )
