"""A deadline that several blocking calls share."""

import time
from collections.abc import Callable


class Deadline:
    """A point in time by which a sequence of blocking calls must be over.

    Args:
        seconds: from now.
        monotonic: seconds of a clock that never goes back.
    """

    def __init__(self, seconds: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._end = monotonic() + seconds

    @property
    def remaining(self) -> float:
        """Seconds left; 0 once the deadline has passed."""
        return max(0.0, self._end - self._monotonic())

    @property
    def is_over(self) -> bool:
        """Whether the deadline has passed."""
        return self._monotonic() >= self._end
