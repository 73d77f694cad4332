"""A stopwatch that always runs for one stage, and changes stage where it is told to."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import wraps
from typing import Any

Clocks = tuple[int, int]
"""The wall's clock and that of this thread, in nanoseconds."""


class Stage(StrEnum):
    """A stage of the detector's loop."""

    FETCH = "fetch"
    DECODE = "decode"
    NUMBERS = "to numbers"
    SCORE = "score"
    ENCODE = "encode alerts"
    PRODUCE = "produce"
    OFFSETS = "offsets"
    COMMIT = "commit"
    METRICS = "metrics"
    NOTES = "notes"
    REST = "the rest"


@dataclass(frozen=True, slots=True)
class Took:
    """What a stage took: microseconds for each transaction.

    Attributes:
        wall: by the wall's clock.
        own: by that of the loop's thread.
    """

    wall: float
    own: float


@dataclass(frozen=True, slots=True)
class Profile:
    """What all stages took.

    Attributes:
        stages: each one without those that were called from within it.
        process: CPU of all threads of the process, likewise.
    """

    stages: dict[Stage, Took]
    process: float

    @property
    def wall(self) -> float:
        """All stages together, by the wall's clock."""
        return sum(took.wall for took in self.stages.values())

    @property
    def own(self) -> float:
        """All stages together, by the clock of the loop's thread."""
        return sum(took.own for took in self.stages.values())


def now() -> Clocks:
    """Return both clocks."""
    return time.perf_counter_ns(), time.thread_time_ns()


class Stopwatch:
    """Gives every nanosecond to the stage that is being done: the innermost one.

    Args:
        clocks: what it goes by.
    """

    def __init__(self, clocks: Callable[[], Clocks] = now) -> None:
        self._clocks = clocks
        self._doing = [Stage.REST]
        self.restart()

    def restart(self) -> None:
        """Forget what was measured so far."""
        self._spent = {stage: [0, 0] for stage in Stage}
        self._process = time.process_time_ns()
        self._since = self._clocks()

    def begin(self, stage: Stage) -> None:
        """Go over to a stage, from within another one."""
        self._count()
        self._doing.append(stage)

    def end(self) -> None:
        """Go back to the stage from within which this one began."""
        self._count()
        self._doing.pop()

    def time(self, owner: Any, name: str, stage: Stage) -> None:
        """Let a function of a class or a module be a stage from now on."""
        function = getattr(owner, name)

        @wraps(function)
        def timed(*arguments: Any, **named: Any) -> Any:
            self.begin(stage)
            try:
                return function(*arguments, **named)
            finally:
                self.end()

        setattr(owner, name, timed)

    def profile(self, transactions: int) -> Profile:
        """Return what each stage took since the restart, for each of so many transactions."""
        self._count()
        each = 1e3 * transactions
        spent = {stage: Took(wall / each, own / each) for stage, (wall, own) in self._spent.items()}
        return Profile(spent, (time.process_time_ns() - self._process) / each)

    def _count(self) -> None:
        clocks = self._clocks()
        for which in range(2):
            self._spent[self._doing[-1]][which] += clocks[which] - self._since[which]
        self._since = clocks
