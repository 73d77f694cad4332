"""The seams of the source: who reads from it, what it reads through, and whom it notifies."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Protocol

from confluent_kafka import TopicPartition

from kafkaio.gaps import Gap
from kafkaio.partitions import PartitionId


class SourceListener(Protocol):
    """Called on rebalances and gaps, always from within `Source.read` or `Source.close`."""

    def assigned(self, partitions: Sequence[TopicPartition]) -> None:
        """Take these partitions, in addition to those already owned."""

    def revoked(self, partitions: Sequence[TopicPartition]) -> None:
        """Finish with these partitions now; they are still owned until this returns."""

    def lost(self, partitions: Sequence[TopicPartition]) -> None:
        """Drop these partitions; another member may own them already."""

    def identified(self, topic_id: str) -> None:
        """Take the topic's id, before the first record of it."""

    def skipped(self, gaps: Sequence[Gap]) -> bool:
        """Finish with what was read, and account for records that cannot be read.

        Return False if what was read has to be read again first; then the gaps are found again.

        Raises:
            RecordsLostError: if the detector is to stop at a gap.
        """

    def recreated(self, topic_id: str, gaps: Sequence[Gap]) -> None:
        """Finish with what was read of the deleted topic; another one of its name has this id.

        Args:
            topic_id: of the new topic.
            gaps: one for each owned partition, up to the end that it is known to have had; each
                begins at 0, since the source does not know what was read.

        Raises:
            RecordsLostError: if the detector is to stop at a gap.
        """


class Trigger(StrEnum):
    """What ended a batch."""

    DRAINED = "drained"
    """No more records had arrived."""

    FULL = "full"
    """It had as many records as a batch may have."""


class InputRecord(Protocol):
    """A record that was read: a `confluent_kafka.Message` without an error."""

    def topic(self) -> str:
        """Return the topic it was read from."""

    def partition(self) -> int:
        """Return its partition."""

    def offset(self) -> int:
        """Return its offset."""

    def timestamp(self) -> tuple[int, int]:
        """Return the type of its timestamp, and the timestamp in milliseconds since the epoch."""

    def key(self) -> bytes | None:
        """Return its key."""

    def value(self) -> bytes | None:
        """Return its value."""

    def headers(self) -> list[tuple[str, bytes | None]] | None:
        """Return its headers."""


class RecordSource(Protocol):
    """What the loop reads from; see `consumer.detector.source.Source`."""

    def subscribe(self, listener: SourceListener) -> None:
        """Join the group."""

    def read(self) -> tuple[list[InputRecord], Trigger]:
        """Return the records that have arrived, and what ended the batch."""

    def rewind(self, partitions: Sequence[TopicPartition]) -> None:
        """Read these partitions from their offsets on."""

    def committed(self, partitions: Sequence[TopicPartition]) -> Mapping[PartitionId, int]:
        """Return how far these partitions are committed."""

    def close(self) -> None:
        """Leave the group."""


class CommittedPositions(Protocol):
    """A source of committed positions beside the group's own offsets."""

    def next_offsets(self, partitions: Sequence[int]) -> Mapping[int, int]:
        """Return the next-to-read offset of each partition; 0 where nothing was committed.

        Raises:
            KafkaException: if that cannot be determined at present; call again.
        """


class OutputPositions(Protocol):
    """Where the outputs of a group come from; see `consumer.commit.output_positions`."""

    def next_offsets(self, topic_id: str, partitions: Sequence[int]) -> Mapping[int, int]:
        """Return the offset after the last source of an output in each partition; 0 for none.

        Args:
            topic_id: of the input topic.
            partitions: of it.

        Raises:
            KafkaException: if that cannot be determined at present; call again.
            ClientFailedError: if it could not be determined for too long.
        """


class TopicIdentity(Protocol):
    """Knows the topic's id; see `kafkaio.topic_watch.TopicWatch`."""

    def look(self) -> str | None:
        """Return the topic's id, None while it is not known; hardly block."""

    def confirm(self) -> str | None:
        """Return the topic's id as it is now; None if there is no answer."""
