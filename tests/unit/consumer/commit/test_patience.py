"""Failed commits are tried again with growing pauses, for as long as the limit allows."""

import pytest

from consumer.commit.patience import FORGET_SECONDS, Patience, attempt, open_sink
from consumer.commit.sink import CommitTimings, UnavailableError
from consumer.errors import CommitError
from tests.support.clock import ManualClock


def test_the_pauses_grow_and_the_limit_ends_the_wait() -> None:
    clock = ManualClock()
    patience = Patience(10.0, monotonic=clock, sleep=clock.sleep)
    begin, times = clock.now, []

    def fail_until_it_gives_up() -> None:
        while True:
            patience.wait("no broker.")
            times.append(round(clock.now - begin, 1))

    with pytest.raises(CommitError, match=r"for 10 s, most recently because: no broker\.$"):
        fail_until_it_gives_up()
    assert times == [0.0, 0.1, 0.3, 0.7, 1.5, 3.1, 5.1, 7.1, 9.1, 10.0]


def test_a_success_ends_the_series() -> None:
    clock = ManualClock()
    patience = Patience(10.0, monotonic=clock, sleep=clock.sleep)
    for _ in range(5):
        patience.wait("no broker")
        clock.now += 9.0
        patience.reset()


def test_a_failure_long_ago_belongs_to_another_series() -> None:
    clock = ManualClock()
    patience = Patience(10.0, monotonic=clock, sleep=clock.sleep)
    patience.wait("no broker")
    clock.now += FORGET_SECONDS + 1
    patience.wait("no broker")


class Closed:
    """A sink that Kafka registers at the third attempt."""

    def __init__(self) -> None:
        self.attempts = 0

    def open(self) -> None:
        self.attempts += 1
        if self.attempts < 3:
            raise UnavailableError("no broker")

    def commit(self, _records: object, _offsets: object) -> CommitTimings:
        raise NotImplementedError


def test_a_sink_is_opened_again_until_it_is_open_or_the_start_is_stopped() -> None:
    clock, sink = ManualClock(), Closed()
    patience = Patience(10.0, monotonic=clock, sleep=clock.sleep)
    assert open_sink(sink, patience, stopped=lambda: False)
    assert sink.attempts == 3
    assert not open_sink(Closed(), patience, stopped=lambda: True)


def test_a_call_is_tried_again_after_the_given_error_only() -> None:
    clock = ManualClock()
    patience = Patience(10.0, monotonic=clock, sleep=clock.sleep)
    answers = iter([TimeoutError("no answer"), TimeoutError("no answer"), None, KeyError("no")])

    def ask() -> str:
        error = next(answers)
        if error is not None:
            raise error
        return "yes"

    assert attempt(ask, TimeoutError, patience, stopped=lambda: False) == "yes"
    with pytest.raises(KeyError):
        attempt(ask, TimeoutError, patience, stopped=lambda: False)
    assert attempt(ask, TimeoutError, patience, stopped=lambda: True) is None
