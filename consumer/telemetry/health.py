"""Whether a service is alive and does its work, as an orchestrator asks over HTTP."""

import time
from collections.abc import Callable, Iterable, Mapping

from consumer.telemetry.progress import Progress, Stall, State
from kafkaio.partitions import PartitionId

# The loop turns every 0.1 s, and while it waits for Kafka it looks as often whether to stop. Longer
# means that it hangs.
STUCK_SECONDS = 120.0

# A commit, its abort and a new producer take up to 20 s, a rebalance a few; the partitions stand
# still meanwhile.
STALLED_SECONDS = 30.0


class Health:
    """The state of the detector: written by the loop, read by the HTTP server's threads.

    Ready means making progress, or nothing to do: the model is warm, partitions are assigned, and
    none has stood still for `STALLED_SECONDS` while records wait. A partition that stands still for
    `STUCK_SECONDS` makes the process unhealthy, unless another producer's open transaction holds
    its records back, where a restart would not help.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last_turn = clock()
        self._progress = Progress(clock)
        self.partitions: frozenset[PartitionId] = frozenset()
        self._warm = False

    def model_warm(self) -> None:
        """Record that the model is loaded and compiled."""
        self._warm = True
        self.heartbeat()

    def heartbeat(self) -> None:
        """Record that the loop made a turn."""
        self._last_turn = self._clock()

    def assigned(self, partitions: Iterable[PartitionId]) -> None:
        """Record that these partitions were assigned, in addition."""
        added = frozenset(partitions)
        self._progress.assign(added)
        self.partitions |= added

    def released(self, partitions: Iterable[PartitionId]) -> None:
        """Record that these partitions were revoked or lost."""
        removed = frozenset(partitions)
        self._progress.release(removed)
        self.partitions -= removed

    def observe(self, states: Mapping[PartitionId, State]) -> None:
        """Take how far the assigned partitions are read."""
        self._progress.observe(states)

    def healthy(self) -> str | None:
        """Return None, or why the process should be restarted."""
        still = self._clock() - self._last_turn
        if still >= STUCK_SECONDS:
            return f"the loop has not moved for {still:.0f} s"
        return _longest(
            stall
            for stall in self._progress.stalls
            if stall.seconds >= STUCK_SECONDS and not stall.is_blocked
        )

    def ready(self) -> str | None:
        """Return None, or why no work is being done."""
        if not self._warm:
            return "the model is not warm yet"
        if not self.partitions:
            return "no partitions are assigned"
        return _longest(self.stalled())

    def stalled(self) -> list[Stall]:
        """Return the partitions that have stood still for `STALLED_SECONDS`."""
        return [stall for stall in self._progress.stalls if stall.seconds >= STALLED_SECONDS]


def _longest(stalls: Iterable[Stall]) -> str | None:
    worst = max(stalls, key=lambda stall: stall.seconds, default=None)
    return None if worst is None else str(worst)
