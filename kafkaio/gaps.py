"""Gaps: records that were in a topic and can no longer be read."""

import logging
from dataclasses import dataclass
from enum import StrEnum

from kafkaio.partitions import PartitionId

logger = logging.getLogger(__name__)


class GapReason(StrEnum):
    """Why records cannot be read."""

    DELETED = "deleted"
    """Kafka deleted them before they were read: retention, or a request to delete records."""

    TRUNCATED = "truncated"
    """The partition's log ends before what was read: an unclean leader election, or a lost disk."""

    TOPIC_RECREATED = "topic_recreated"
    """The topic was deleted, and another one of the same name was created."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Records of one partition that cannot be read.

    Attributes:
        topic: of the partition.
        partition: its number.
        reason: why they cannot be read.
        first: the next offset that would have been read.
        next: the offset after the last record that is known to be lost; `first` if none is known.
        resume: the offset at which reading continues.
    """

    topic: str
    partition: int
    reason: GapReason
    first: int
    next: int
    resume: int

    @property
    def records(self) -> int:
        """How many offsets are known to be lost."""
        return max(0, self.next - self.first)

    def __str__(self) -> str:
        place = f"{self.topic} [{self.partition}]"
        lost = (
            f"Offsets {self.first} to {self.next - 1} of {place}"
            if self.records
            else f"Whatever followed offset {self.first - 1} of {place}"
            if self.first
            else f"Whatever was in {place}"
        )
        return f"{lost} {_CAUSES[self.reason]}; continuing at offset {self.resume}."


def find_gap(partition: PartitionId, position: int, first: int, end: int) -> Gap | None:
    """Return the gap at a position, or None if it is a valid one.

    Args:
        partition: which one.
        position: the next offset to be read.
        first: the offset of the partition's oldest record.
        end: the offset after its last record.
    """
    if position < first:
        return Gap(*partition, GapReason.DELETED, position, first, first)
    if position > end:
        return Gap(*partition, GapReason.TRUNCATED, position, position, end)
    return None


def log_gap(gap: Gap) -> None:
    """Log records that cannot be read."""
    logger.error("%s", gap)


_CAUSES = {
    GapReason.DELETED: "cannot be read: Kafka deleted them before they were read (retention)",
    GapReason.TRUNCATED: "is lost: the log was truncated (an unclean leader election)",
    GapReason.TOPIC_RECREATED: "cannot be read: the topic was deleted and created again",
}
