"""When a row is due, and waiting for it without ever sending a burst.

A pace says how many seconds after the start a row is due. The pacer waits by that schedule's
deadlines, never by a fixed pause between rows, so its mean does not drift. After a stall (a slow
broker, a sleeping laptop) it is behind, and then goes through the schedule at `CATCH_UP` times its
speed until it is on time again: what was late does not arrive all at once.
"""

import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from producer.errors import PaceError
from producer.rows import Row

# The promise: no 100 ms hold more than twice what the pace has for them. One wait grants at most
# CATCH_UP * STEP seconds of schedule. The rows of 100 ms come from waits in these 100 ms and from
# the one before, so from at most 1.5 * (100 + 10 + 10) ms = 180 ms of schedule, less than 200.
CATCH_UP = 1.5
STEP = 0.010

# Less is not worth the system's timer: at 5,000 rows a second, five rows a wake-up.
SHORTEST_SLEEP = 0.001


class Pace(Protocol):
    """How fast rows are sent."""

    def due(self, count: int, stream_seconds: float) -> float:
        """Return when a row is due, in seconds after the start; never decreasing.

        Args:
            count: how many rows go before it.
            stream_seconds: its `Time` as seconds after the first row's.
        """


@dataclass(frozen=True, slots=True)
class Unpaced:
    """As fast as the broker takes it."""

    def due(self, count: int, stream_seconds: float) -> float:  # noqa: ARG002 - the protocol's
        """Return 0: everything is due at once."""
        return 0.0


@dataclass(frozen=True, slots=True)
class Rate:
    """A fixed number of transactions a second, whatever their `Time`.

    Raises:
        PaceError: if the number is not positive and finite.
    """

    per_second: float

    def __post_init__(self) -> None:
        _check("rate", self.per_second)

    def due(self, count: int, stream_seconds: float) -> float:  # noqa: ARG002 - the protocol's
        """Return the row's place in an even sequence."""
        return count / self.per_second


@dataclass(frozen=True, slots=True)
class Speed:
    """The stream's own clock, so many times faster, true to the gaps in `Time`.

    Raises:
        PaceError: if the factor is not positive and finite.
    """

    factor: float

    def __post_init__(self) -> None:
        _check("speed", self.factor)

    def due(self, count: int, stream_seconds: float) -> float:  # noqa: ARG002 - the protocol's
        """Return the row's `Time`, shortened."""
        return stream_seconds / self.factor


class Clock(Protocol):
    """What a replay asks of time, so that a test can turn it."""

    def monotonic(self) -> float:
        """Return seconds since some moment, never going back."""

    def wall(self) -> float:
        """Return seconds since the epoch."""

    def sleep(self, seconds: float) -> None:
        """Do nothing for so long."""


class SystemClock:
    """The machine's clocks."""

    monotonic = staticmethod(time.monotonic)
    wall = staticmethod(time.time)
    sleep = staticmethod(time.sleep)


class Pacer:
    """Lets rows through when they are due; the clock starts with the first one."""

    def __init__(
        self,
        pace: Pace,
        stop: threading.Event,
        clock: Clock,
        idle: Callable[[], object] = lambda: None,
    ) -> None:
        """Make a pacer.

        Args:
            pace: when a row is due.
            stop: ends the stream, within `STEP` during a wait.
            clock: the time.
            idle: called at least every `STEP` during a wait; should be quick.
        """
        self._pace = pace
        self._stop = stop
        self._clock = clock
        self._idle = idle
        self._start = 0.0
        self._last = 0.0
        self._released = 0.0  # seconds of schedule that may be sent

    def on_time(self, stream: Iterable[Row]) -> Iterator[Row]:
        """Give each row when it is due, until the rows end or the stop is set."""
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
            # Not Event.wait(): a signal handler that sets the event while this thread holds the
            # event's lock would wait for itself.
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
