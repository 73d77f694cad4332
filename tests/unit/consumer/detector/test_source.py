"""A newly assigned partition starts at the furthest committed position that is known."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, cast

import pytest
from confluent_kafka import OFFSET_INVALID, Consumer, KafkaError, KafkaException, TopicPartition

from consumer.commit.watchdog import Watch, unwatched
from consumer.detector.source import HOLD_SECONDS, Source
from kafkaio.errors import ClientFailedError
from kafkaio.gaps import Gap, GapReason
from tests.support.clock import ManualClock
from tests.support.records import StoredRecord


@dataclass
class Invalid:
    """The error that a client returns when it stops fetching a partition."""

    number: int
    position: int
    code: int = KafkaError._AUTO_OFFSET_RESET
    text: str = "Offset out of range"

    def error(self) -> KafkaError:
        return KafkaError(self.code, self.text)

    def topic(self) -> str:
        return "in"

    def partition(self) -> int:
        return self.number

    def offset(self) -> int:
        return self.position


class Identity:
    """Knows the topic's id."""

    def __init__(self) -> None:
        self.topic_id = "id"

    def look(self) -> str:
        return self.topic_id

    confirm = look


class Client:
    """Partitions 0 and 1, of ten records each."""

    def __init__(self) -> None:
        self.positions = {0: 0, 1: 0}
        self.paused: set[int] = set()
        self.starts = {0: 0, 1: 0}
        self.errors: list[Invalid] = []
        self.stored: list[TopicPartition] = []
        self.is_revoked = False
        self.during_read: Callable[[], None] = lambda: None
        self._assigned: Callable[[Any, list[TopicPartition]], None] | None = None

    def subscribe(
        self, _topics: list[str], *, on_assign: Any, on_revoke: Any, **_others: object
    ) -> None:
        self._assigned = self._assign_again = on_assign
        self._revoked = on_revoke

    def revoke(self) -> None:
        """Take all partitions away."""
        self._revoked(self, self.assignment())
        self.is_revoked = True

    def assign(self) -> None:
        """Assign them again at the next read."""
        self.is_revoked = False
        self._assigned = self._assign_again

    def assignment(self) -> list[TopicPartition]:
        if self.is_revoked:
            return []
        return [TopicPartition("in", number) for number in self.positions]

    def seek(self, place: TopicPartition) -> None:
        self.positions[place.partition] = place.offset

    def pause(self, places: list[TopicPartition]) -> None:
        self.paused |= {place.partition for place in places}

    def resume(self, places: list[TopicPartition]) -> None:
        self.paused -= {place.partition for place in places}

    def committed(self, places: list[TopicPartition], *, timeout: float) -> list[TopicPartition]:
        del timeout
        return self.stored or places

    def get_watermark_offsets(
        self, place: TopicPartition, *, timeout: float = 0, cached: bool = False
    ) -> tuple[int, int]:
        del timeout, cached
        return self.starts[place.partition], 10

    def incremental_unassign(self, places: list[TopicPartition]) -> None: ...

    def incremental_assign(self, places: list[TopicPartition]) -> None:
        for place in places:
            self.seek(place)

    def consume(self, count: int, timeout: float) -> Sequence[StoredRecord | Invalid]:
        del timeout
        if self._assigned is not None:
            assigned, self._assigned = self._assigned, None
            assigned(self, self.assignment())
        self.during_read()
        if self.errors:
            return [self.errors.pop()]
        taken: list[StoredRecord | Invalid] = []
        while len(taken) < count:
            found = [
                StoredRecord(*place, stored_topic="in")
                for place in sorted(self.positions.items())
                if place[1] < 10 and place[0] not in self.paused and not self.is_revoked
            ]
            if not found:
                break
            for record in found[: count - len(taken)]:
                taken.append(record)
                self.positions[record.partition()] += 1
        return taken


class Listener:
    """Keeps the gaps; cannot take them the first `busy` times."""

    def __init__(self, busy: int = 0) -> None:
        self.gaps: list[Gap] = []
        self.busy = busy

    def assigned(self, partitions: Sequence[TopicPartition]) -> None: ...
    def identified(self, topic_id: str) -> None: ...

    def recreated(self, topic_id: str, gaps: Sequence[Gap]) -> None:
        del topic_id
        self.gaps += gaps

    def skipped(self, gaps: Sequence[Gap]) -> bool:
        self.busy -= 1
        if self.busy < 0:
            self.gaps += gaps
        return self.busy < 0

    def revoked(self, partitions: Sequence[TopicPartition]) -> None: ...
    def lost(self, partitions: Sequence[TopicPartition]) -> None: ...


class Journal:
    """Answers, or fails while there is no answer."""

    def __init__(self, answer: dict[int, int] | None) -> None:
        self.answer = answer
        self.asked: list[Sequence[int]] = []

    def next_offsets(self, partitions: Sequence[int]) -> Mapping[int, int]:
        self.asked.append(partitions)
        if self.answer is None:
            raise KafkaException(KafkaError(KafkaError.UNSTABLE_OFFSET_COMMIT, "Still open"))
        return {number: self.answer[number] for number in partitions if number in self.answer}


class Outputs:
    """Answers with the positions after the sources of outputs."""

    def __init__(self, answer: dict[int, int]) -> None:
        self.answer = answer
        self.asked: list[tuple[str, list[int]]] = []

    def next_offsets(self, topic_id: str, partitions: Sequence[int]) -> Mapping[int, int]:
        self.asked.append((topic_id, list(partitions)))
        return self.answer


def subscribed(
    journal: Journal,
    now: Callable[[], float] = lambda: 0.0,
    committed: Mapping[int, int] | None = None,
    watch: Watch = unwatched,
    client: Client | None = None,
    listener: Listener | None = None,
    position: int = 0,
    identity: Identity | None = None,
    outputs: Outputs | None = None,
    *,
    starts_at_end: bool = False,
) -> Source:
    source = Source(
        cast("Consumer", client or Client()),
        "in",
        identity or Identity(),
        batch_maximum=4,
        committed=lambda _topic, partition: (committed or {}).get(partition, 0),
        position=lambda _topic, _partition: position,
        journal=journal,
        outputs=outputs,
        starts_at_end=starts_at_end,
        watch=watch,
        monotonic=now,
    )
    source.subscribe(listener or Listener())
    return source


def read(source: Source) -> list[tuple[int, int]]:
    return [(record.partition(), record.offset()) for record in source.read()[0]]


def test_a_partition_continues_where_the_journal_ends_and_others_are_not_disturbed() -> None:
    source = subscribed(journal := Journal({0: 7, 1: 0}))
    assert read(source) == [(1, 0)]
    assert read(source) == [(0, 7), (0, 8), (1, 1), (0, 9)]
    assert journal.asked == [[0, 1]]


def test_the_later_of_journal_and_own_commits_counts() -> None:
    source = subscribed(Journal({0: 3, 1: 5}), committed={0: 5, 1: 4})
    assert read(source) == []
    assert read(source) == [(0, 5), (0, 6), (1, 5), (0, 7)]


def test_nothing_is_read_until_the_journal_answers() -> None:
    source = subscribed(journal := Journal(None))
    assert read(source) == read(source) == []
    journal.answer = {0: 0, 1: 0}
    assert read(source) == [(0, 0), (0, 1), (1, 0), (0, 2)]


def test_a_journal_that_never_answers_ends_the_process() -> None:
    moments = iter([1.0, 30.0, 61.0, 61.1])
    source = subscribed(Journal(None), lambda: next(moments))
    for _ in range(3):
        assert read(source) == []
    sentence = (
        r"^The journal has not reported the committed positions of in for 60 s: Still open\.$"
    )
    with pytest.raises(ClientFailedError, match=sentence):
        source.read()


def test_a_partition_that_the_journal_lacks_waits_while_others_are_read() -> None:
    clock = ManualClock()
    source = subscribed(journal := Journal({0: 0}), clock)
    assert read(source) == [(0, 0), (0, 1), (0, 2)]
    assert read(source) == [(0, number) for number in range(3, 7)]
    clock.now += HOLD_SECONDS
    assert (1, 0) not in read(source)
    assert read(source) == []
    assert journal.asked == [[0, 1], [1]]
    journal.answer = {0: 0, 1: 0}
    clock.now += HOLD_SECONDS
    assert read(source) == [(1, 0), (1, 1), (1, 2), (1, 3)]


def test_each_seek_is_watched() -> None:
    watched: list[str] = []

    def watch(call: str) -> AbstractContextManager[None]:
        watched.append(call)
        return nullcontext()

    source = subscribed(Journal({0: 7, 1: 0}), watch=watch)
    read(source)
    source.rewind([TopicPartition("in", 1, 0)])
    assert watched == ["A seek", "A seek"]


NOTHING = {0: 0, 1: 0}


def settled(client: Client, listener: Listener, reads: int, **others: Any) -> Source:
    source = subscribed(Journal(NOTHING), client=client, listener=listener, **others)
    for _ in range(reads):
        source.read()
    return source


@pytest.mark.parametrize(
    ("error", "gap"),
    [
        (Invalid(0, 3), Gap("in", 0, GapReason.DELETED, 3, 7, 7)),
        (Invalid(0, 12), Gap("in", 0, GapReason.TRUNCATED, 12, 12, 10)),
        (
            Invalid(0, 9, KafkaError._LOG_TRUNCATION, "detected: broker end offset is 8 (offset"),
            Gap("in", 0, GapReason.TRUNCATED, 9, 9, 8),
        ),
    ],
)
def test_a_position_without_a_record_is_a_gap(error: Invalid, gap: Gap) -> None:
    client = Client()
    client.starts[0] = 7
    client.errors.append(error)
    source = settled(client, listener := Listener(), 1)
    assert listener.gaps == []  # what was read before it is not added yet
    source.read()
    assert listener.gaps == [gap]
    assert client.positions[0] >= gap.resume


def test_a_position_that_is_valid_by_now_is_no_gap() -> None:
    client = Client()
    client.errors.append(Invalid(0, 5))
    settled(client, listener := Listener(), 2)
    assert listener.gaps == []
    assert client.positions[0] >= 5


def test_a_group_without_offsets_begins_without_a_gap() -> None:
    client = Client()
    client.starts[0] = 7
    client.errors.append(Invalid(0, -1001))
    settled(client, listener := Listener(), 2)
    assert listener.gaps == []
    assert client.positions[0] >= 7


@pytest.mark.parametrize(
    ("answer", "starts_at_end", "begins"),
    [({0: 8}, False, 8), ({0: 8}, True, 8), ({0: 0}, False, 7), ({0: 0}, True, 10)],
)
def test_a_group_whose_offsets_have_expired_continues_after_its_last_output(
    answer: dict[int, int],
    starts_at_end: bool,
    begins: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = Client()
    client.starts[0] = 7
    client.errors.append(Invalid(0, -1001))
    outputs = Outputs(answer)
    source = settled(
        client, listener := Listener(), 1, outputs=outputs, starts_at_end=starts_at_end
    )
    assert [offset for partition, offset in read(source) if partition == 0][:1] == (
        [begins] if begins < 10 else []
    )
    assert outputs.asked == [("id", [0])]
    assert listener.gaps == []
    assert ("dead letters up to offset 7: its offsets have expired" in caplog.text) == (begins == 8)


def test_records_that_were_deleted_after_the_last_output_are_a_gap() -> None:
    client = Client()
    client.starts[0] = 7
    client.errors.append(Invalid(0, -1001))
    settled(client, listener := Listener(), 2, outputs=Outputs({0: 3}))
    assert listener.gaps == [Gap("in", 0, GapReason.DELETED, 3, 7, 7)]


def test_the_outputs_are_not_read_for_a_committed_offset_or_an_empty_partition() -> None:
    client = Client()
    client.starts = {0: 10, 1: 0}
    client.errors += [Invalid(0, -1001), Invalid(1, 12)]
    settled(client, Listener(), 3, outputs=(outputs := Outputs({})))
    assert outputs.asked == []


def test_what_the_journal_has_beyond_the_groups_offset_is_no_gap() -> None:
    client = Client()
    client.starts[0] = 4
    client.errors.append(Invalid(0, 2))
    source = subscribed(Journal({0: 6, 1: 0}), client=client, listener=(listener := Listener()))
    source.read()
    source.read()
    assert listener.gaps == []
    assert client.positions[0] >= 6


def test_a_gap_is_found_again_after_what_was_read_before_it() -> None:
    client = Client()
    client.starts[0] = 7
    client.errors.append(Invalid(0, 3))
    source = settled(client, listener := Listener(busy=1), 2)
    assert listener.gaps == []
    source.read()
    assert listener.gaps == [Gap("in", 0, GapReason.DELETED, 3, 7, 7)]


def test_a_client_that_returns_to_the_committed_offset_finds_no_gap_twice() -> None:
    client = Client()
    client.starts[0] = 4
    client.errors.append(Invalid(0, 2))
    settled(client, listener := Listener(), 2, position=6)
    assert listener.gaps == []
    assert client.positions[0] >= 6


def test_records_of_a_topic_that_is_recreated_during_the_read_are_read_again() -> None:
    client, identity, listener = Client(), Identity(), Listener()
    source = subscribed(Journal(NOTHING), client=client, listener=listener, identity=identity)
    assert read(source) != []

    def recreate() -> None:
        identity.topic_id = "another id"

    client.during_read = recreate
    assert read(source) == []
    assert {gap.reason for gap in listener.gaps} == {GapReason.TOPIC_RECREATED}
    assert read(source)[0] == (0, 0)


@pytest.mark.parametrize(
    ("metadata", "committed"),
    [("topic-id=id", 6), ("", 6), ("topic-id=another id", -1)],
)
def test_an_offset_in_a_deleted_topic_is_not_committed(metadata: str, committed: int) -> None:
    client = Client()
    source = settled(client, Listener(), 1)
    client.stored = [TopicPartition("in", 0, 6, metadata)]
    assert source.committed([TopicPartition("in", 0)]) == {("in", 0): committed}


@pytest.mark.parametrize("reads_between", [0, 1])
def test_a_topic_that_is_recreated_between_two_assignments_is_a_gap(reads_between: int) -> None:
    committed = {0: 4, 1: 0}

    class Checkpoint(Listener):
        def recreated(self, topic_id: str, gaps: Sequence[Gap]) -> None:
            super().recreated(topic_id, gaps)
            committed.clear()

    client, identity, listener = Client(), Identity(), Checkpoint()
    source = subscribed(
        Journal(NOTHING), client=client, listener=listener, identity=identity, committed=committed
    )
    assert read(source) != []
    client.revoke()
    identity.topic_id = "another id"
    client.stored = [TopicPartition("in", number, OFFSET_INVALID) for number in (0, 1)]
    for _ in range(reads_between):
        assert read(source) == []
    client.assign()
    read(source)
    assert listener.gaps == [
        Gap("in", 0, GapReason.TOPIC_RECREATED, 4, 4, 0),
        Gap("in", 1, GapReason.TOPIC_RECREATED, 0, 0, 0),
    ]
