"""Whether the detector lives and may be sent work, as an orchestrator asks."""

import time
from collections.abc import Callable

# The loop turns every 0.1 s; a commit may wait for Kafka a minute. Longer means it hangs.
STUCK_SECONDS = 120.0


class Health:
    """What the loop says of itself, read by the HTTP server's thread.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._moved = clock()
        self._partitions = 0
        self._warm = False

    def warm(self) -> None:
        """Say that the model is loaded and compiled."""
        self._warm = True
        self._moved = self._clock()

    def moved(self) -> None:
        """Say that the loop made a turn."""
        self._moved = self._clock()

    def assigned(self, change: int) -> None:
        """Say that so many partitions came (or, negative, went)."""
        self._partitions += change

    def healthy(self) -> str | None:
        """Return None, or why the process should be restarted."""
        still = self._clock() - self._moved
        return None if still < STUCK_SECONDS else f"the loop has not moved for {still:.0f} s"

    def ready(self) -> str | None:
        """Return None, or why no work is being done yet."""
        if not self._warm:
            return "the model is not warm yet"
        return None if self._partitions > 0 else "no partitions are assigned"
