"""Whether a service is alive and does its work, as an orchestrator asks over HTTP."""

import time
from collections.abc import Callable

# The loop turns every 0.1 s; a commit may wait for Kafka a minute. Longer means it hangs.
STUCK_SECONDS = 120.0


class Health:
    """The state of the detector: written by the loop, read by the HTTP server's threads.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last_turn = clock()
        self._partitions = 0
        self._warm = False

    def model_warm(self) -> None:
        """Record that the model is loaded and compiled."""
        self._warm = True
        self.heartbeat()

    def heartbeat(self) -> None:
        """Record that the loop made a turn."""
        self._last_turn = self._clock()

    def assigned(self, change: int) -> None:
        """Record that so many partitions were assigned (or, negative, revoked)."""
        self._partitions += change

    def healthy(self) -> str | None:
        """Return None, or why the process should be restarted."""
        still = self._clock() - self._last_turn
        return None if still < STUCK_SECONDS else f"the loop has not moved for {still:.0f} s"

    def ready(self) -> str | None:
        """Return None, or why no work is being done yet."""
        if not self._warm:
            return "the model is not warm yet"
        return None if self._partitions > 0 else "no partitions are assigned"
