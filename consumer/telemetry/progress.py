"""Whether the records of the assigned partitions are read."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from kafkaio.partitions import PartitionId

# Statistics come once a second. Longer gaps between two observations are a batch, a commit or an
# outage of Kafka, in which the loop does not poll: the heartbeat supervises those.
GAP_SECONDS = 2.0


class State(Protocol):
    """How far a partition is read; see `consumer.telemetry.lag.PartitionState`."""

    @property
    def position(self) -> int:
        """The next offset that the application is given; -1 while it is unknown."""

    @property
    def readable_end(self) -> int:
        """Before the first open transaction; -1 while it is unknown."""

    @property
    def end(self) -> int:
        """After the last record, readable or not; -1 while it is unknown."""

    @property
    def queued(self) -> int:
        """Records of all partitions that were fetched and wait in the client."""


@dataclass(frozen=True, slots=True)
class Stall:
    """A partition that is not read although records wait.

    Attributes:
        partition: which one.
        position: the offset that is not read.
        waiting: offsets from there to the end.
        seconds: since when.
        is_blocked: whether nothing can be read, because a transaction is open there.
    """

    partition: PartitionId
    position: int
    waiting: int
    seconds: float
    is_blocked: bool

    def __str__(self) -> str:
        place = f"{self.partition[0]} [{self.partition[1]}]"
        if self.is_blocked:
            return (
                f"{self.waiting} offsets of {place} have waited behind an open transaction for "
                f"{self.seconds:.0f} s"
            )
        return (
            f"{place} has stood still at offset {self.position} for {self.seconds:.0f} s, and "
            f"{self.waiting} offsets wait"
        )


@dataclass(slots=True)
class _Watched:
    """The furthest position of a partition, and how long it has not moved beyond."""

    furthest: int = -1
    still: float = 0.0


class Progress:
    """Measures how long assigned partitions have stood still while records wait.

    Standing still is counted only while it is observed, so an outage of Kafka, in which there are
    no statistics, does not count. Nor does the time in which records of other partitions are
    processed: those that wait in the client's queue come in their turn.

    Written by the loop's thread; `stalls` may be read by others.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._observed = clock()
        self._watched: dict[PartitionId, _Watched] = {}
        self.stalls: tuple[Stall, ...] = ()

    def assign(self, partitions: Iterable[PartitionId]) -> None:
        """Watch these partitions, too."""
        self._watched |= {partition: _Watched() for partition in partitions}

    def release(self, partitions: Iterable[PartitionId]) -> None:
        """Watch these partitions no longer."""
        for partition in partitions:
            self._watched.pop(partition, None)
        self.stalls = tuple(stall for stall in self.stalls if stall.partition in self._watched)

    def observe(self, states: Mapping[PartitionId, State]) -> None:
        """Take the present state of the assigned partitions."""
        now = self._clock()
        passed, self._observed = min(now - self._observed, GAP_SECONDS), now
        watched = {
            partition: (self._watched[partition], state)
            for partition, state in states.items()
            if partition in self._watched
        }
        busy = any(state.position > watch.furthest for watch, state in watched.values())
        stalls = []
        for partition, (watch, state) in watched.items():
            comes_later = busy and state.queued > 0
            # A position beyond the end belongs to a topic that was deleted and created again.
            moved = state.position > watch.furthest or watch.furthest > state.end
            if moved or state.position >= state.end or comes_later:
                watch.still = 0.0
            else:
                watch.still += passed
                stalls.append(_stall(partition, state, watch.still))
            watch.furthest = state.position if moved else watch.furthest
        self.stalls = tuple(stalls)


def _stall(partition: PartitionId, state: State, seconds: float) -> Stall:
    is_blocked = 0 <= state.readable_end <= state.position
    return Stall(partition, state.position, state.end - state.position, seconds, is_blocked)
