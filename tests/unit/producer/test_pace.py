"""The pacer: no bursts after a stall, no drift, a quick stop."""

import bisect
import itertools
import math
import threading
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from producer.errors import PaceError
from producer.pace import STEP, Pace, Pacer, Rate, Speed, Unpaced


class At(NamedTuple):
    stream_seconds: float


class StallingClock:
    """A clock on which some calls take longer than they should."""

    def __init__(self, stalls: list[float]) -> None:
        self.seconds = 0.0
        self._stalls = itertools.chain(stalls, itertools.repeat(0.0))

    def monotonic(self) -> float:
        self.seconds += next(self._stalls)
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds + next(self._stalls)

    def wall(self) -> float:
        return self.seconds


def sent_at(
    pace: Pace, stream: Iterable[float], clock: Any, after_each: Callable[[], object] = lambda: None
) -> list[float]:
    """Return when each row was released."""
    times = []
    for _ in Pacer(pace, threading.Event(), clock).on_time(map(At, stream)):
        times.append(clock.seconds)
        after_each()
    return times


def most_in(window: float, times: list[float]) -> int:
    """Return the most events in any closed window of that length."""
    return max(
        bisect.bisect_right(times, first + window) - place for place, first in enumerate(times)
    )


some_stalls = st.lists(
    st.one_of(st.just(0.0), st.floats(0, 0.02), st.floats(0, 2)), min_size=0, max_size=30
)


@given(
    rate=st.sampled_from([0.7, 3.0, 50.0, 333.0, 2_000.0]),
    waiting=some_stalls,
    sending=some_stalls,
)
def test_the_rate_at_most_doubles_after_a_stall(
    rate: float, waiting: list[float], sending: list[float]
) -> None:
    clock = StallingClock(waiting)
    stalls = iter(sending)

    def send() -> None:
        clock.seconds += next(stalls, 0.0)

    times = sent_at(Rate(rate), itertools.repeat(0.0, 400), clock, send)

    assert len(times) == 400
    # One row may fall on each end of a window.
    assert most_in(0.1, times) <= 2 * rate * 0.1 + 1


@settings(max_examples=50)
@given(stalls=some_stalls)
def test_rows_are_never_early_and_late_rows_catch_up(stalls: list[float]) -> None:
    clock = StallingClock(stalls)
    pacer = Pacer(Rate(10), threading.Event(), clock)
    times = [clock.seconds for _ in pacer.on_time(itertools.repeat(At(0), 2_000))]

    # 200 s of schedule make up for 100 s of stalls, more than 30 can be.
    late = [at - pacer._start - count / 10 for count, at in enumerate(times)]
    assert min(late) >= -1e-6
    assert late[-1] < 0.02


def test_the_mean_without_stalls_is_the_rate(clock: Any) -> None:
    times = sent_at(Rate(5_000), itertools.repeat(0.0, 50_001), clock)

    assert times[-1] - times[0] == pytest.approx(10, rel=0.001)
    assert most_in(0.1, times[:2_000]) == pytest.approx(500, rel=0.02)


def test_catching_up_runs_at_one_and_a_half_times_the_rate(clock: Any) -> None:
    sent = itertools.count()

    def send() -> None:
        if next(sent) == 100:
            clock.seconds += 60

    times = sent_at(Rate(1_000), itertools.repeat(0.0, 3_000), clock, send)

    resumed = times[101]
    assert resumed - times[100] >= 60
    assert sum(at - resumed <= 1.0 for at in times[101:]) == pytest.approx(1_500, rel=0.03)


def test_speed_keeps_the_gaps(clock: Any) -> None:
    stream = [0, 0, 60, 61, 3_600]
    times = sent_at(Speed(60), stream, clock)

    waits = [at - times[0] for at in times]
    # Two steps late at most, on a clock that does not stall.
    for wait, due in zip(waits, (second / 60 for second in stream), strict=True):
        assert due <= wait + 1e-9
        assert wait <= due + 2 * STEP


def test_unpaced_never_sleeps(clock: Any) -> None:
    times = sent_at(Unpaced(), range(0, 100_000, 1_000), clock)

    assert set(times) == {1_000.0}


def test_a_stop_ends_a_long_wait(clock: Any) -> None:
    stop = threading.Event()
    looks = itertools.count()

    def idle() -> None:
        if next(looks) == 5:
            stop.set()

    through = list(Pacer(Speed(1), stop, clock, idle).on_time([At(0), At(86_400)]))

    assert through == [At(0)]
    assert clock.seconds <= 1_000 + 7 * STEP


def test_idle_is_called_every_step_of_a_wait(clock: Any) -> None:
    seen = []
    list(
        Pacer(Speed(1), threading.Event(), clock, lambda: seen.append(clock.seconds)).on_time(
            [At(0), At(10)]
        )
    )

    gaps = [later - earlier for earlier, later in itertools.pairwise(seen)]
    assert max(gaps) <= STEP + 1e-9


@pytest.mark.parametrize("kind", [Rate, Speed])
@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf])
def test_a_rate_that_is_not_positive_and_finite_is_rejected(
    kind: type[Rate | Speed], value: float
) -> None:
    with pytest.raises(PaceError, match=f"The {kind.__name__.lower()} must be a positive"):
        kind(value)
