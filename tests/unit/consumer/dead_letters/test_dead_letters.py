"""Dead letters without a broker: summaries, formatting, sorting by a replay."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.commit.sink import CommitTimings, UncertainError
from consumer.dead_letters.reader import OffsetRange
from consumer.dead_letters.requeue import OnError, Requeue
from consumer.dead_letters.requeue_batch import RequeueResult
from consumer.dead_letters.store import (
    FOREIGN,
    Position,
    ReasonSummary,
    StoredDeadLetter,
    parse,
    summarize,
)
from consumer.dead_letters.text import full, full_json, table_json
from consumer.errors import StillRejectedError
from events.codec import dead_letter_headers, encode
from events.messages import FEATURES, DeadLetter, Transaction
from kafkaio.errors import TopicMissingError
from kafkaio.permissions import Permission
from kafkaio.settings import KafkaSettings

GOOD = encode(Transaction(transaction_id="row-1", **dict.fromkeys(FEATURES, 0.0)))
BAD = b'{"transaction_id":"row-2"}'


@dataclass(frozen=True)
class Stored:
    """A record of the dead-letter topic."""

    at: int
    stored_value: bytes | None
    stored_headers: list[tuple[str, bytes | None]]
    stored_timestamp: tuple[int, int] = (1, 1_700_000_000_000)
    stored_key: bytes | None = b"key"

    def topic(self) -> str:
        return "transactions.dlq"

    def partition(self) -> int:
        return 1

    def offset(self) -> int:
        return self.at

    def timestamp(self) -> tuple[int, int]:
        return self.stored_timestamp

    def key(self) -> bytes | None:
        return self.stored_key

    def value(self) -> bytes | None:
        return self.stored_value

    def headers(self) -> list[tuple[str, bytes | None]]:
        return self.stored_headers


def stored(
    at: int,
    value: bytes | None = GOOD,
    *,
    reason: str = "out_of_range",
    topic: str = "transactions",
    **more: Any,
) -> Stored:
    own = more.pop("headers", (("source", b"web"), ("source", None)))
    letter = DeadLetter(
        topic,
        3,
        70 + at,
        "decode",
        "PayloadError",
        "why",
        reason,
        b"key",
        value,
        own,
        original_bytes=more.pop("original_bytes", None),
    )
    return Stored(at, value, dead_letter_headers(letter), **more)


@dataclass
class Reader:
    """Stands in for the reader: one batch of these records in partition 1."""

    records: list[Stored]
    next: int = 0
    topic: str = "transactions.dlq"
    group: str = "group"
    broker: str = "nowhere"
    committed: int = 0
    ranges: dict[int, OffsetRange] = field(default_factory=dict)

    def stopped(self) -> bool:
        return False

    def committed_offsets(self) -> dict[int, int]:
        return {1: self.committed}

    def snapshot(self) -> None:
        self.ranges = {1: OffsetRange(0, self.next, 100)}

    def require(self, *permissions: Permission, patience: float = 0) -> None:
        for permission in permissions:
            name = permission.name
            if permission.kind == "topic" and name not in {"transactions", "transactions.dlq"}:
                raise TopicMissingError(name)

    def read(
        self,
        starts: dict[int, int],
        *,
        advance: Callable[[int], None] = lambda _offsets: None,
        recovered: Callable[[], None] = lambda: None,
    ) -> Iterator[list[Stored]]:
        yield [record for record in self.records if record.at >= starts[1]]


def test_a_dead_letter_is_parsed() -> None:
    dead = parse(stored(5))
    assert dead.position == Position(1, 5)
    assert str(dead.position) == "1:5"
    letter = dead.letter
    assert (letter.topic, letter.partition, letter.offset) == ("transactions", 3, 75)
    assert (letter.key, letter.value) == (b"key", GOOD)
    assert letter.headers == (("source", b"web"), ("source", None))
    assert letter.timestamp == 1_700_000_000_000


def test_a_record_without_a_timestamp_has_none() -> None:
    assert parse(stored(5, stored_timestamp=(0, -1))).letter.timestamp is None


def test_a_record_without_our_headers_is_foreign_and_complete() -> None:
    dead = parse(Stored(5, b"value", [("any", b"header")]))
    assert dead.letter.reason == FOREIGN
    assert "no header __connect.errors.topic" in dead.letter.message
    assert dead.letter.headers == (("any", b"header"),)
    assert dead.letter.value == b"value"


def test_the_summary_counts_by_reason_and_origin_and_how_many_wait() -> None:
    reader: Any = Reader(
        [
            stored(0, reason="empty", stored_timestamp=(1, 3000)),
            stored(1, reason="empty", stored_timestamp=(1, 1000)),
            stored(2, reason="empty", stored_timestamp=(1, 2000)),
            stored(3, reason="empty", topic="other"),
            stored(4, reason="oversized", stored_timestamp=(0, -1)),
        ],
        next=2,
    )
    reader.snapshot()
    assert summarize(reader) == [
        ReasonSummary("empty", "transactions", Position(1, 2), 3, 1, 1000, 3000),
        ReasonSummary("empty", "other", Position(1, 3), 1, 1, 1_700_000_000_000, 1_700_000_000_000),
        ReasonSummary("oversized", "transactions", Position(1, 4), 1, 1, None, None),
    ]


SUMMARIES = [
    ReasonSummary(
        "malformed_json", "transactions", Position(0, 42), 12_345, 2, 1_700_000_000_000, 10**14
    ),
    ReasonSummary("empty", "transactions", Position(1, 7), 1, 1, None, None),
]


def test_the_table_as_json_has_times_in_utc() -> None:
    decoded = json.loads(table_json("transactions.dlq", SUMMARIES))
    assert (decoded["topic"], decoded["count"], decoded["waiting"]) == (
        "transactions.dlq",
        12_346,
        3,
    )
    assert decoded["reasons"][0] == {
        "reason": "malformed_json",
        "count": 12_345,
        "waiting": 2,
        "first": "2023-11-14T22:13:20.000+00:00",
        "last": "5138-11-16T09:46:40.000+00:00",
        "from": "transactions",
        "example": "0:42",
    }
    assert decoded["reasons"][1]["first"] is None


def shown(value: bytes | None, **more: Any) -> list[str]:
    return full("transactions.dlq", parse(stored(5, value, **more))).split("\n")


def test_all_of_a_dead_letter_is_shown() -> None:
    assert shown(b"nonsense") == [
        "dead letter  1:5 of transactions.dlq",
        "reason       out_of_range",
        "error        PayloadError in decode: why",
        "came from    transactions [3], offset 75",
        "time         2023-11-14T22:13:20.000+00:00",
        "key          key",
        "header       source: web",
        "header       source: none",
        "value        8 bytes, text",
        "nonsense",
    ]


def test_json_is_indented_and_unchanged() -> None:
    lines = shown(b'{"a":1.50,"a":1e999,"b":[]}')
    assert lines[8:] == [
        "value        27 bytes, JSON, indented here",
        "{",
        '  "a": 1.50,',
        '  "a": 1e999,',
        '  "b": []',
        "}",
    ]


def test_binary_values_are_dumped() -> None:
    lines = shown(bytes(range(250, 256)) + b"0123456789abc|", stored_key=b"\xff\x00")
    assert "key          0xff00" in lines
    assert lines[8:] == [
        "value        20 bytes, not UTF-8",
        "00000000  fa fb fc fd fe ff 30 31 32 33 34 35 36 37 38 39  |......0123456789|",
        "00000010  61 62 63 7c                                      |abc||",
    ]


@pytest.mark.parametrize(
    ("value", "line"), [(None, "value        none"), (b"", "value        0 bytes, text")]
)
def test_a_missing_value_and_an_empty_one_differ(value: bytes | None, line: str) -> None:
    assert shown(value)[8:] == [line]


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode), st.text(max_size=9))
def test_no_control_character_reaches_the_terminal(value: bytes, text: str) -> None:
    lines = shown(
        value, reason=text, topic=text, headers=((text, value),), stored_key=text.encode()
    )
    assert all(line.isprintable() for line in lines)


@given(
    st.none() | st.binary(max_size=60) | st.text(max_size=60).map(str.encode),
    st.none() | st.binary(max_size=9),
)
def test_json_has_exact_bytes_and_text_where_they_are_utf_8(
    value: bytes | None, key: bytes | None
) -> None:
    from base64 import b64decode

    decoded = json.loads(full_json("t", parse(stored(5, value, stored_key=key))))
    assert decoded["place"] == "1:5"
    assert decoded["from"] == {"topic": "transactions", "partition": 3, "offset": 75}
    for name, content in (("key", key), ("value", value)):
        exact = decoded[f"{name}_base64"]
        assert (None if exact is None else b64decode(exact)) == content
        if decoded[name] is not None:
            assert decoded[name].encode() == content
    assert decoded["headers"][0] == {"name": "source", "value": "web", "value_base64": "d2Vi"}


class Writing:
    """Stands in for the commit sink, and keeps what was committed."""

    def __init__(self) -> None:
        self.records: list[tuple[str, bytes | None, dict[str, bytes | None], int | None]] = []
        self.offsets: list[list[tuple[int, int]]] = []
        self.uncertain = False

    def open(self) -> None:
        """Nothing to open."""

    def commit(self, records: Any, offsets: Any) -> CommitTimings:
        if self.uncertain:
            self.uncertain = False
            raise UncertainError("as requested")
        self.records += [
            (record.topic, record.value, dict(record.headers), record.timestamp)
            for record in records
        ]
        self.offsets.append([(partition.partition, partition.offset) for partition in offsets])
        return CommitTimings(0.0, 0.0)


def replaying(
    records: list[Stored], on_error: OnError, *reasons: str, start: int = 0
) -> tuple[Requeue, Writing]:
    reader: Any = Reader(records, next=start)
    replay = Requeue(
        reader, KafkaSettings("nowhere"), on_error=on_error, reasons=reasons, dry_run=True
    )
    writing = Writing()
    replay._sink = writing
    return replay, writing


def test_a_valid_dead_letter_is_replayed_unchanged() -> None:
    replay, writing = replaying([stored(0, GOOD)], OnError.STOP)
    replay.run()
    # A dict keeps the last of two headers of one name; their order is tested with Kafka.
    assert writing.records == [("transactions", GOOD, {"source": None}, 1_700_000_000_000)]
    assert writing.offsets == [[(1, 1)]]
    assert replay.done == RequeueResult(replayed=1)


@pytest.mark.parametrize(("committed", "repeated"), [(0, True), (1, False)])
def test_a_commit_without_an_answer_is_repeated_only_if_it_had_no_effect(
    committed: int, repeated: bool
) -> None:
    replay, writing = replaying([stored(0, GOOD)], OnError.STOP)
    reader: Any = replay._reader
    writing.uncertain, reader.committed = True, committed
    replay.run()
    assert bool(writing.records) is repeated
    assert replay.done == RequeueResult(replayed=1)


def test_a_replay_resumes_where_the_last_one_ended() -> None:
    replay, writing = replaying([stored(0), stored(1), stored(4)], OnError.STOP, start=1)
    replay.run()
    assert replay.done.replayed == 2
    assert replay.size == 99
    assert writing.offsets == [[(1, 5)]]


def test_stop_commits_only_those_before_the_rejected_one() -> None:
    replay, writing = replaying([stored(0), stored(1, BAD), stored(2)], OnError.STOP)
    with pytest.raises(StillRejectedError, match=r"at 1:1 .*\(missing_field\): ") as caught:
        replay.run()
    assert caught.value.exit_code == 1
    assert len(writing.records) == 1
    assert writing.offsets == [[(1, 1)]]


def test_stop_at_the_first_commits_nothing() -> None:
    replay, writing = replaying([stored(0, BAD), stored(1)], OnError.STOP)
    with pytest.raises(StillRejectedError):
        replay.run()
    assert writing.offsets == []


def test_requeue_writes_the_new_reason_and_the_original_position() -> None:
    replay, writing = replaying([stored(0, BAD, reason="empty"), stored(1)], OnError.REQUEUE)
    replay.run()
    (topic, value, headers, timestamp), _ = writing.records
    assert (topic, value, timestamp) == ("transactions.dlq", BAD, 1_700_000_000_000)
    assert headers["fraudstream.reason"] == b"missing_field"
    assert headers["__connect.errors.offset"] == b"70"
    assert headers["__connect.errors.topic"] == b"transactions"
    assert replay.done == RequeueResult(replayed=1, requeued=Counter(missing_field=1))
    assert writing.offsets == [[(1, 2)]]


def test_drop_skips_the_dead_letter() -> None:
    replay, writing = replaying([stored(0, BAD), stored(1)], OnError.DROP)
    replay.run()
    assert len(writing.records) == 1
    assert replay.done == RequeueResult(replayed=1, dropped=Counter(missing_field=1))
    assert writing.offsets == [[(1, 2)]]


def test_an_excerpt_is_never_replayed_even_if_it_would_pass() -> None:
    excerpt = stored(0, GOOD, original_bytes=950_000)
    replay, writing = replaying([excerpt, stored(1)], OnError.STOP)
    with pytest.raises(StillRejectedError, match=r"only the beginning of its 950,000 bytes"):
        replay.run()
    assert writing.records == []
    replay, writing = replaying([excerpt, stored(1)], OnError.REQUEUE)
    replay.run()
    kept, replayed = writing.records
    assert (kept[0], kept[2]["fraudstream.original.bytes"]) == ("transactions.dlq", b"950000")
    assert replayed[0] == "transactions"
    assert replay.done == RequeueResult(replayed=1, requeued=Counter(out_of_range=1))


def test_an_excerpt_is_shown_as_one() -> None:
    line = "excerpt      the beginning of 950,000 bytes; cannot be replayed"
    assert line in shown(GOOD, original_bytes=950_000)


def test_unselected_dead_letters_are_kept_unchanged_and_not_decoded() -> None:
    records = [stored(0, BAD, reason="empty"), stored(1, reason="oversized")]
    replay, writing = replaying(records, OnError.STOP, "oversized", "not_utf8")
    replay.run()
    first, second = writing.records
    assert first == ("transactions.dlq", BAD, dict(records[0].headers()), 1_700_000_000_000)
    assert second[0] == "transactions"
    assert replay.done == RequeueResult(replayed=1, unselected=1)


@pytest.mark.parametrize("on_error", [OnError.REQUEUE, OnError.DROP, OnError.STOP])
def test_a_foreign_record_is_rejected_and_unchanged(on_error: OnError) -> None:
    replay, writing = replaying([Stored(0, GOOD, [("any", b"header")])], on_error)
    if on_error is OnError.STOP:
        with pytest.raises(StillRejectedError, match="no dead letter of a detector"):
            replay.run()
        return
    replay.run()
    unchanged = ("transactions.dlq", GOOD, {"any": b"header"}, 1_700_000_000_000)
    assert writing.records == ([unchanged] if on_error is OnError.REQUEUE else [])
    assert replay.done.replayed == 0


def test_dead_letters_of_a_deleted_topic_are_rejected() -> None:
    replay, _ = replaying([stored(0, topic="gone")], OnError.STOP)
    with pytest.raises(StillRejectedError, match="there is no topic gone"):
        replay.run()


def test_a_parsed_dead_letter_keeps_its_headers() -> None:
    original = stored(0)
    assert dead_letter_headers(parse(original).letter) == original.headers()
    assert isinstance(parse(original), StoredDeadLetter)
