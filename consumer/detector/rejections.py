"""The rejected records of each partition, and the alarm when they are too many.

A part of the checkpoint: a commit keeps what was added, a rollback undoes it.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from consumer.detector.dead_letter_limit import DeadLetterLimit, RejectionHistory

if TYPE_CHECKING:
    from consumer.detector.decode import Batch
    from kafkaio.partitions import PartitionId

logger = logging.getLogger(__name__)

_EMPTY = RejectionHistory()


class Rejections:
    """Counts rejected records by partition, and reports partitions that reach the limit.

    An alarm is raised once, and ends when a whole window of records has passed below the limit.

    Args:
        limit: on rejected records.
        export: called with the number of partitions with an alarm, when it changes.
    """

    def __init__(self, limit: DeadLetterLimit, export: Callable[[int], None]) -> None:
        self._limit = limit
        self._export = export
        self._histories: dict[PartitionId, RejectionHistory] = {}
        self._committed: dict[PartitionId, RejectionHistory] = {}
        self._alarms: dict[PartitionId, int] = {}  # the record that reached the limit last

    def add(self, runs: Sequence[tuple["PartitionId", int]], batch: "Batch") -> None:
        """Count the rejected records of a batch.

        Args:
            runs: the partition and the length of each run of records of one partition, in order.
            batch: of those records.

        Raises:
            TooManyDeadLettersError: if a limit is reached and says to stop, so that nothing of the
                batch may be committed.
        """
        reasons, first, end = batch.reasons, 0, 0
        for partition, count in runs:
            rejected = batch.rejected[end : end + count]
            end += count
            last = first + int(rejected.sum())
            history = self._limit.extend(
                self._histories.get(partition, _EMPTY), partition, rejected, reasons[first:last]
            )
            first = last
            self._histories[partition] = history
            self._watch(partition, history)

    def commit(self) -> None:
        """Keep what was added."""
        self._committed = dict(self._histories)

    def rollback(self) -> None:
        """Undo what was added since the last commit."""
        self._histories = dict(self._committed)

    def release(self, partitions: Iterable["PartitionId"]) -> None:
        """Forget partitions that were revoked or lost."""
        for partition in partitions:
            self._histories.pop(partition, None)
            self._committed.pop(partition, None)
            self._alarms.pop(partition, None)
        self._export(len(self._alarms))

    def _watch(self, partition: "PartitionId", history: RejectionHistory) -> None:
        if history.problem is not None:
            if partition not in self._alarms:
                logger.error(
                    "%s They are kept as dead letters, and can be replayed.", history.problem
                )
            self._alarms[partition] = history.records
            self._export(len(self._alarms))
        elif (
            partition in self._alarms
            and history.records - self._alarms[partition] >= self._limit.window
        ):
            del self._alarms[partition]
            logger.info("The records of %s [%d] are accepted again.", *partition)
            self._export(len(self._alarms))
