"""The limit on dead letters: held against a plain count, whatever is committed or done again."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.detector.dead_letter_limit import DeadLetterLimit
from consumer.errors import TooManyDeadLettersError
from events.messages import DeadLetter


@dataclass(frozen=True)
class At:
    """A record of which the limit asks nothing but its place."""

    number: int

    def partition(self) -> int:
        return self.number % 3

    def offset(self) -> int:
        return self.number // 3


def letter(record: At, reason: str = "wrong_type") -> DeadLetter:
    place = (record.partition(), record.offset())
    return DeadLetter("transactions", *place, "decode", "PayloadError", "", reason, b"", b"{")


class Stream:
    """Feeds a limit records, "." for good and "x" for refused ones."""

    def __init__(self, limit: DeadLetterLimit) -> None:
        self.limit = limit
        self.number = 0

    def read(self, records: str, reasons: Callable[[int], str] = lambda _: "wrong_type") -> None:
        batch = [At(self.number + position) for position in range(len(records))]
        self.number += len(records)
        refused = [
            letter(record, reasons(position))
            for position, (record, mark) in enumerate(zip(batch, records, strict=True))
            if mark == "x"
        ]
        self.limit.check(batch, refused)


def stream(ratio: float | None = None, in_a_row: int | None = None, window: int = 10) -> Stream:
    return Stream(DeadLetterLimit(ratio, in_a_row, window))


def reaches(history: str, ratio: float, in_a_row: int, window: int, *, since: int) -> bool:
    """Say, by counting anew at each record, whether a limit is reached at one after `since`."""
    for end in range(since + 1, len(history) + 1):
        seen = history[:end]
        if in_a_row and seen.endswith("x" * in_a_row):
            return True
        if (
            ratio
            and seen.endswith("x")
            and end >= window
            and seen[-window:].count("x") >= ratio * window
        ):
            return True
    return False


@given(
    steps=st.lists(
        st.tuples(st.text("..xxx", max_size=12), st.sampled_from(["commit", "rewind", "go on"])),
        max_size=40,
    ),
    ratio=st.sampled_from([0.0, 0.3, 0.5, 0.9, 1.0]),
    in_a_row=st.integers(0, 8),
    window=st.integers(1, 15),
)
def test_it_stops_exactly_where_a_plain_count_does(
    steps: list[tuple[str, str]], ratio: float, in_a_row: int, window: int
) -> None:
    limited = stream(ratio, in_a_row, window)
    committed = history = ""
    for records, then in steps:
        expected = reaches(history + records, ratio, in_a_row, window, since=len(history))
        history += records
        if expected:
            with pytest.raises(TooManyDeadLettersError):
                limited.read(records)
            return
        limited.read(records)
        if then == "commit":
            limited.limit.committed()
            committed = history
        elif then == "rewind":
            limited.limit.rewind()
            history = committed


def test_so_many_in_a_row_stop_it_and_one_less_does_not() -> None:
    counted = stream(in_a_row=5)
    counted.read("xxxx.xx")
    counted.read("xx")
    with pytest.raises(TooManyDeadLettersError):
        counted.read("x")


def test_a_good_record_begins_the_count_anew_also_between_batches() -> None:
    counted = stream(in_a_row=3)
    for _ in range(10):
        counted.read("xx")
        counted.read(".")
    counted.read("xx")
    counted.read("")
    with pytest.raises(TooManyDeadLettersError):
        counted.read("x")


def test_the_ratio_counts_once_the_window_is_full() -> None:
    counted = stream(ratio=0.5, window=10)
    counted.read("xxxxxx...")
    with pytest.raises(TooManyDeadLettersError):
        counted.read("x")


def test_what_has_left_the_window_counts_no_more() -> None:
    counted = stream(ratio=0.5, window=10)
    counted.read("xxxx......")
    counted.read("....x")
    counted.read("xxx")
    with pytest.raises(TooManyDeadLettersError):
        counted.read("x")


def test_what_is_done_again_counts_once() -> None:
    counted = stream(in_a_row=5, ratio=0.6, window=10)
    counted.read("xx")
    counted.limit.committed()
    for _ in range(10):
        counted.read("xx")
        counted.limit.rewind()
    counted.read("xx")
    with pytest.raises(TooManyDeadLettersError):
        counted.read("x")


def test_what_is_done_again_counts_once_in_the_ratio_too() -> None:
    counted = stream(ratio=0.5, window=10)
    counted.read(".........")
    counted.limit.committed()
    for _ in range(10):
        counted.read("x.x.x.")
        counted.limit.rewind()


def test_what_left_the_window_comes_back_with_a_rewind() -> None:
    counted = stream(ratio=0.4, window=10)
    counted.read("xxxx......")
    counted.limit.committed()
    counted.read("........x")
    counted.limit.rewind()
    with pytest.raises(TooManyDeadLettersError):
        counted.read("x")


@pytest.mark.parametrize("off", [0, None])
def test_a_limit_may_be_switched_off(off: int | None) -> None:
    counted = stream(ratio=off, in_a_row=off, window=10)
    counted.read("x" * 1000)


def test_the_sentence_says_how_many_why_where_and_what_to_do() -> None:
    counted = stream(ratio=0.5, window=10)
    counted.read("......")
    with pytest.raises(
        TooManyDeadLettersError,
        match=r"^5 of the last 10 records of transactions could not be read \(3 of them: empty\), "
        r".*right topic, .*producers.*--dead-letter-ratio",
    ) as caught:
        counted.read("xxxxx", lambda position: "empty" if position % 2 == 0 else "oversized")
    assert caught.value.exit_code == 2


def test_the_sentence_names_the_other_option_for_the_other_limit() -> None:
    with pytest.raises(
        TooManyDeadLettersError, match=r"^1,000 of the last 1,000 .*--dead-letters-in-a-row"
    ):
        stream(in_a_row=1000).read("x" * 2000)


def test_only_what_a_limit_may_still_look_at_is_held() -> None:
    counted = stream(ratio=0.9, in_a_row=20, window=10)
    for _ in range(1000):
        counted.read(".x" * 5)
        counted.limit.committed()
    assert len(counted.limit._refused) <= (20 + 10) / 2
    assert len(counted.limit._refused) == len(counted.limit._reasons)


class Unlooked(list[At]):
    """A batch that must not be gone through."""

    def __iter__(self) -> None:  # type: ignore[override]
        raise AssertionError


def test_a_batch_without_refused_records_is_not_gone_through() -> None:
    counted = stream(ratio=0.5, in_a_row=3, window=10)
    counted.limit.check(Unlooked([At(0)] * 1000), [])
    counted.limit.committed()
    counted.limit.rewind()
