"""Schedules for rows, and a pacer that waits for them without sending bursts.

A pace defines how many seconds after the start a row is due. The pacer waits for these deadlines,
not for a fixed pause between rows, so the mean rate does not drift. After a stall (a slow broker, a
suspended laptop) it works through the schedule at `CATCH_UP` times the pace until it is on time
again, so late rows do not arrive all at once.
"""

import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeVar

from producer.errors import PaceError

# Guarantee: any 100 ms contain at most twice the rows that the pace schedules for them. One wait
# releases at most CATCH_UP * STEP seconds of schedule. The rows of 100 ms come from the waits in
# them and the one before: at most 1.5 * (100 + 10 + 10) ms = 180 ms of schedule, less than 200.
CATCH_UP = 1.5
STEP = 0.010

# Shorter sleeps are not worth a timer: at 5,000 rows per second this is five rows per wake-up.
SHORTEST_SLEEP = 0.001


class Pace(Protocol):
    """A schedule for rows."""

    def due(self, count: int, stream_seconds: float) -> float:
        """Return when a row is due, in seconds after the start; never decreasing.

        Args:
            count: the number of rows before it.
            stream_seconds: its `Time` as seconds after the first row's.
        """


@dataclass(frozen=True, slots=True)
class Unpaced:
    """As fast as the broker accepts the rows."""

    def due(self, count: int, stream_seconds: float) -> float:  # noqa: ARG002 - the protocol's
        """Return 0: everything is due at once."""
        return 0.0


@dataclass(frozen=True, slots=True)
class Rate:
    """A fixed number of transactions per second, whatever their `Time`.

    Raises:
        PaceError: if the number is not positive and finite.
    """

    per_second: float

    def __post_init__(self) -> None:
        _check("rate", self.per_second)

    def due(self, count: int, stream_seconds: float) -> float:  # noqa: ARG002 - the protocol's
        """Return the row's position in an even sequence."""
        return count / self.per_second


@dataclass(frozen=True, slots=True)
class Speed:
    """The stream's own clock, accelerated by a factor; keeps the gaps in `Time`.

    Raises:
        PaceError: if the factor is not positive and finite.
    """

    factor: float

    def __post_init__(self) -> None:
        _check("speed", self.factor)

    def due(self, count: int, stream_seconds: float) -> float:  # noqa: ARG002 - the protocol's
        """Return the row's `Time` divided by the factor."""
        return stream_seconds / self.factor


class Timed(Protocol):
    """A row with a position on the stream's clock."""

    @property
    def stream_seconds(self) -> float:
        """Its `Time` as seconds after the first row's."""


TimedRow = TypeVar("TimedRow", bound=Timed)


class Clock(Protocol):
    """The clocks that a replay reads; tests substitute their own."""

    def monotonic(self) -> float:
        """Return seconds since an arbitrary moment; never decreasing."""

    def wall(self) -> float:
        """Return seconds since the epoch."""

    def sleep(self, seconds: float) -> None:
        """Block for this long."""


class SystemClock:
    """The clocks of the machine."""

    monotonic = staticmethod(time.monotonic)
    wall = staticmethod(time.time)
    sleep = staticmethod(time.sleep)


class Stop(Protocol):
    """Whether to stop; may be set by another thread or a signal."""

    def is_set(self) -> bool:
        """Return whether to stop."""


class Pacer:
    """Releases rows when they are due; the schedule starts with the first row."""

    def __init__(
        self,
        pace: Pace,
        stop: Stop,
        clock: Clock,
        idle: Callable[[], object] = lambda: None,
    ) -> None:
        """Create a pacer.

        Args:
            pace: the schedule.
            stop: ends the stream, within `STEP` during a wait.
            clock: the clocks.
            idle: called at least every `STEP` during a wait; must return quickly.
        """
        self._pace = pace
        self._stop = stop
        self._clock = clock
        self._idle = idle
        self._start = 0.0
        self._last = 0.0
        self._released = 0.0  # seconds of schedule that have been released

    def on_time(self, stream: Iterable[TimedRow]) -> Iterator[TimedRow]:
        """Yield each row when it is due, until the rows end or `stop` is set."""
        for count, row in enumerate(stream):
            if not count:
                self._start = self._last = self._clock.monotonic()
            due = self._pace.due(count, row.stream_seconds)
            if due > self._released:
                self._wait(due)
            if self._stop.is_set():
                return
            yield row

    def _wait(self, due: float) -> None:
        self._release()
        while due > self._released and not self._stop.is_set():
            self._idle()
            self._clock.sleep(min(max(due - self._released, SHORTEST_SLEEP), STEP))
            self._release()

    def _release(self) -> None:
        now = self._clock.monotonic()
        granted = CATCH_UP * min(now - self._last, STEP)
        self._released = min(now - self._start, self._released + granted)
        self._last = now


def _check(name: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0):
        raise PaceError(f"The {name} must be a positive, finite number, not {value:g}.")
