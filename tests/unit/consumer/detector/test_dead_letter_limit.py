"""The limit on dead letters agrees with a plain count, whatever is committed or rolled back."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.detector.dead_letter_limit import DeadLetterLimit, RejectionHistory
from consumer.errors import TooManyDeadLettersError
from events.errors import Reason


class Stream:
    """Feeds a limit records, "." for accepted and "x" for rejected ones."""

    def __init__(self, limit: DeadLetterLimit) -> None:
        self.limit = limit
        self.history = self.committed = RejectionHistory()

    def read(
        self, records: str, reasons: Callable[[int], Reason] = lambda _: Reason.WRONG_TYPE
    ) -> None:
        rejected = np.array([mark == "x" for mark in records], np.bool_)
        causes = [reasons(row) for row in np.flatnonzero(rejected).tolist()]
        self.history = self.limit.extend(self.history, ("transactions", 3), rejected, causes)

    def commit(self) -> None:
        self.committed = self.history

    def roll_back(self) -> None:
        self.history = self.committed


def stream(ratio: float | None = None, in_a_row: int | None = None, window: int = 10) -> Stream:
    return Stream(DeadLetterLimit(ratio, in_a_row, window))


def reaches(history: str, ratio: float, in_a_row: int, window: int, *, since: int) -> bool:
    """Count from scratch at each record: is a limit reached at one after `since`?"""
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
        st.tuples(
            st.text("..xxx", max_size=12), st.sampled_from(["commit", "roll back", "continue"])
        ),
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
            limited.commit()
            committed = history
        elif then == "roll back":
            limited.roll_back()
            history = committed


def test_a_run_at_the_limit_stops_it_and_one_less_does_not() -> None:
    counted = stream(in_a_row=5)
    counted.read("xxxx.xx")
    counted.read("xx")
    with pytest.raises(TooManyDeadLettersError):
        counted.read("x")


def test_an_accepted_record_restarts_the_run_even_between_batches() -> None:
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


def test_records_outside_the_window_do_not_count() -> None:
    counted = stream(ratio=0.5, window=10)
    counted.read("xxxx......")
    counted.read("....x")
    counted.read("xxx")
    with pytest.raises(TooManyDeadLettersError):
        counted.read("x")


def test_records_read_again_count_once() -> None:
    counted = stream(in_a_row=5, ratio=0.6, window=10)
    counted.read("xx")
    counted.commit()
    for _ in range(10):
        counted.read("xx")
        counted.roll_back()
    counted.read("xx")
    with pytest.raises(TooManyDeadLettersError):
        counted.read("x")


def test_records_read_again_count_once_in_the_ratio() -> None:
    counted = stream(ratio=0.5, window=10)
    counted.read(".........")
    counted.commit()
    for _ in range(10):
        counted.read("x.x.x.")
        counted.roll_back()


def test_a_rollback_restores_records_that_had_left_the_window() -> None:
    counted = stream(ratio=0.4, window=10)
    counted.read("xxxx......")
    counted.commit()
    counted.read("........x")
    counted.roll_back()
    with pytest.raises(TooManyDeadLettersError):
        counted.read("x")


@pytest.mark.parametrize("off", [0, None])
def test_a_limit_may_be_switched_off(off: int | None) -> None:
    counted = stream(ratio=off, in_a_row=off, window=10)
    counted.read("x" * 1000)


def test_the_sentence_says_how_many_why_and_where() -> None:
    counted = stream(ratio=0.5, window=10)
    counted.read("......")
    with pytest.raises(
        TooManyDeadLettersError,
        match=r"^5 of the last 10 records of transactions \[3\] were rejected "
        r"\(3 of them: empty\), .*right topic, .*producers",
    ) as caught:
        counted.read("xxxxx", lambda row: Reason.EMPTY if row % 2 == 0 else Reason.OVERSIZED)
    assert caught.value.exit_code == 2


def test_the_sentence_counts_a_run_of_rejected_records() -> None:
    with pytest.raises(TooManyDeadLettersError, match=r"^1,000 of the last 1,000 records"):
        stream(in_a_row=1000).read("x" * 2000)


def test_only_records_within_reach_are_kept() -> None:
    counted = stream(ratio=0.9, in_a_row=20, window=10)
    for _ in range(1000):
        counted.read(".x" * 5)
        counted.commit()
    assert len(counted.history.numbers) <= (20 + 10) / 2
    assert len(counted.history.numbers) == len(counted.history.reasons)
