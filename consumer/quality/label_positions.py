"""How far the labels are judged, kept over restarts.

The state of the join is not stored: it is rebuilt from the alerts, which are read from their
beginning. A label is passed once it is judged. So those that arrive while the monitor restarts, and
those that it still held, are judged afterwards; a crash repeats at most a second's worth of them.
"""

import logging
from collections import deque
from collections.abc import Collection, Mapping
from typing import Protocol

from kafkaio.partitions import PartitionId

logger = logging.getLogger(__name__)

# One commit a second, however many labels arrive.
COMMIT_SECONDS = 1.0

# Committed again this often, even if no label came: Kafka forgets the offset of a partition a week
# after its last commit, and a commit may have failed in the background.
REFRESH_SECONDS = 60.0


class Store(Protocol):
    """Where positions are kept; see `kafkaio.group_positions.GroupPositions`."""

    def fetch(self, partitions: Collection[PartitionId]) -> dict[PartitionId, int]:
        """Return the stored position of each partition that has one."""

    def commit(self, positions: Mapping[PartitionId, int]) -> None:
        """Store the next offset of each partition, in the background."""

    def commit_now(self, positions: Mapping[PartitionId, int]) -> None:
        """Store the next offset of each partition, and wait for it."""


class LabelPositions:
    """The offset of each partition before which all labels are judged.

    Args:
        store: where the positions are kept.
        topic: the labels' topic.
        from_beginning: whether a group without positions starts at the first label.
    """

    def __init__(self, store: Store, topic: str, *, from_beginning: bool) -> None:
        self._store = store
        self._topic = topic
        self._from_beginning = from_beginning
        self._judged: dict[PartitionId, int] = {}
        self._read: deque[tuple[int, dict[PartitionId, int]]] = deque()
        self._is_stored = False
        self._next_commit = 0.0
        self._next_refresh = 0.0

    def starts(self, bounds: Mapping[PartitionId, tuple[int, int]]) -> dict[PartitionId, int]:
        """Return where to start reading the labels.

        Args:
            bounds: of all partitions, those of other topics too: the first offset and the end.

        Raises:
            KafkaIOError: if the store may not be used.
            KafkaException: if it does not answer; call again.
        """
        labels = {part: ends for part, ends in bounds.items() if part[0] == self._topic}
        stored = self._store.fetch(labels)
        # Where others have a position, one without was added to the topic since.
        from_first = bool(stored) or self._from_beginning
        self._judged = {
            part: _clamped(part, stored[part], first, end)
            if part in stored
            else (first if from_first else end)
            for part, (first, end) in labels.items()
        }
        return dict(self._judged)

    def read(self, partition: PartitionId, following: int, accepted: int) -> None:
        """Record that a label was read.

        Args:
            partition: that it came from.
            following: the offset after it.
            accepted: labels that are held or judged by now, this one included.
        """
        if self._read and self._read[-1][0] == accepted:
            self._read[-1][1][partition] = following
        else:
            self._read.append((accepted, {partition: following}))

    def judged(self, labels: int, now: float) -> None:
        """Record that so many labels are judged in all; commit if that is due.

        Args:
            labels: judged since the start.
            now: monotonic seconds.
        """
        self._pass(labels)
        if now >= self._next_refresh or (not self._is_stored and now >= self._next_commit):
            self._store.commit(self._judged)
            self._is_stored = True
            self._next_commit = now + COMMIT_SECONDS
            self._next_refresh = now + REFRESH_SECONDS

    def close(self, labels: int) -> None:
        """Record that so many labels are judged in all, and commit."""
        self._pass(labels)
        self._store.commit_now(self._judged)

    def _pass(self, labels: int) -> None:
        while self._read and self._read[0][0] <= labels:
            self._judged |= self._read.popleft()[1]
            self._is_stored = False


def _clamped(partition: PartitionId, stored: int, first: int, end: int) -> int:
    """Return a stored position that exists; log labels that are gone."""
    if first <= stored <= end:
        return stored
    logger.error(
        "Labels of %s [%d] are lost: they were judged up to offset %d, and the topic has %d to %d.",
        *partition,
        stored,
        first,
        end,
    )
    return first
