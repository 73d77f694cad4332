"""Notices records that cannot be read, and has the client continue after them.

librdkafka fetches with `auto.offset.reset=error`, so it never skips a record by itself: it stops
fetching a partition without a record at its position, and returns an error. Jumps between two
records that it does return are markers of transactions, aborted records, or compaction.
"""

import logging
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from consumer.detector.beginning import Beginning, Bounds
from consumer.detector.protocols import SourceListener, TopicIdentity
from kafkaio.errors import ClientFailedError
from kafkaio.gaps import Gap, GapReason, find_gap
from kafkaio.partitions import restart_at

logger = logging.getLogger(__name__)

ANSWER_SECONDS = 1.0

# Stored with committed offsets as their metadata, so that they are not taken for another topic's.
METADATA_PREFIX = "topic-id="

_DIVERGENCE = re.compile(r"broker end offset is (\d+)")

KnownPositions = Callable[[Sequence[int]], dict[int, int]]
"""Returns by partition how far it was processed according to other sources than the client's
position; 0 for not at all."""


@dataclass(frozen=True, slots=True)
class _Invalid:
    """A position without a record.

    Attributes:
        offset: the position; None if the group has none for this partition.
        end: where the log was cut off, if the client knows that it was.
    """

    offset: int | None
    end: int | None


class InputPositions:
    """The positions of the input topic's assigned partitions.

    Args:
        consumer: a member of the group.
        topic: the input.
        identity: knows the topic's id.
        beginning: where partitions begin in which the group has no committed offset.
    """

    def __init__(
        self, consumer: Consumer, topic: str, identity: TopicIdentity, beginning: Beginning
    ) -> None:
        self._consumer = consumer
        self._topic = topic
        self._identity = identity
        self._beginning = beginning
        self._topic_id: str | None = None
        self._is_current = False  # whether that was the topic's id at the last look
        self._unidentified: set[int] = set()
        # Partitions that were taken away, and, once the topic is recreated, how far those that are
        # not owned then were read in the deleted one: Kafka deletes the group's offsets with a
        # topic, and may have the group rebalance before the new id is known.
        self._taken_away: set[int] = set()
        self._former: dict[int, int] = {}
        self._invalid: dict[int, _Invalid] = {}

    def assigned(self, partitions: Iterable[TopicPartition]) -> None:
        """Take assigned partitions; nothing of them may be used until they are identified."""
        self._unidentified |= {partition.partition for partition in partitions}

    def dropped(self, partitions: Iterable[TopicPartition]) -> None:
        """Forget partitions that were taken away."""
        for partition in partitions:
            self._unidentified.discard(partition.partition)
            self._taken_away.add(partition.partition)
            self._invalid.pop(partition.partition, None)

    def stopped(self, message: Message) -> None:
        """Take the error that the client returned when it stopped fetching a partition."""
        error, offset = message.error(), message.offset()
        end = _DIVERGENCE.search(error.str()) if error is not None else None
        self._invalid[message.partition() or 0] = _Invalid(
            offset if offset is not None and offset >= 0 else None,
            int(end[1]) if end else None,
        )

    def is_foreign(self, committed: TopicPartition) -> bool:
        """Return whether an offset was committed in another topic of the same name.

        Raises:
            KafkaException: if the offset could not be fetched.
        """
        return self._topic_id is not None and _is_foreign(committed, self._topic_id)

    @property
    def all_identified(self) -> bool:
        """Whether `is_identified` is true of every partition."""
        return self._is_current and not self._unidentified

    def is_identified(self, partition: int) -> bool:
        """Return whether the partition's records are known to belong to its committed offset."""
        return self._is_current and partition not in self._unidentified

    def move(self, partitions: Sequence[TopicPartition]) -> None:
        """Read these partitions from their offsets on, even those that the client has stopped.

        Raises:
            KafkaException: if the client cannot.
        """
        for partition in partitions:
            if self._invalid.pop(partition.partition, None) is None:
                self._consumer.seek(partition)
            else:
                restart_at(self._consumer, [partition])

    def identify(self, listener: SourceListener, known: KnownPositions) -> set[int]:
        """Have partitions of a recreated topic start over; return those that were moved.

        Args:
            listener: notified of the topic's id and of gaps, before reading continues after them.
            known: how far partitions were processed, whatever the client's position is.

        Raises:
            KafkaException: if Kafka does not answer; call again.
        """
        topic_id = self._identity.look()
        if topic_id is None:
            return set()
        moved: set[int] = set()
        self._is_current = topic_id == self._topic_id
        if not self._is_current:
            moved = self._take_identity(listener, topic_id, known)
            self._is_current = True
        return moved | self._compare(listener, topic_id, known)

    def repair(self, listener: SourceListener, known: KnownPositions) -> set[int]:
        """Have the partitions continue that the client has stopped; return them.

        Everything that was read before must have been added to the checkpoint. Args and errors as
        for `identify`.
        """
        identified = [number for number in self._invalid if number not in self._unidentified]
        if not identified or self._topic_id is None or self._identity.confirm() != self._topic_id:
            return set()
        positions = known(identified)
        bounds = {number: self._bounds(number) for number in identified}
        begun = {
            number: bounds[number]
            for number in identified
            if self._invalid[number].offset is None and not positions.get(number)
        }
        positions |= self._beginning.offsets(self._topic_id, begun)
        gaps, restarted = [], []
        for number in identified:
            invalid, position = self._invalid[number], positions.get(number, 0)
            gap, resume = self._find_gap(number, invalid, position, bounds[number])
            gaps += [gap] if gap is not None else []
            restarted.append(TopicPartition(self._topic, number, resume))
        if gaps and not listener.skipped(gaps):
            return set()
        self._restart(restarted)
        return set(identified)

    def _take_identity(
        self, listener: SourceListener, topic_id: str, known: KnownPositions
    ) -> set[int]:
        """Take the topic's first id, or start over with a recreated one."""
        if self._topic_id is None:
            listener.identified(topic_id)
            self._topic_id = topic_id
            return set()
        owned = [
            TopicPartition(self._topic, partition.partition, 0)
            for partition in self._consumer.assignment()
            if partition.partition not in self._unidentified
        ]
        ends = {partition.partition: self._last_known_end(partition) for partition in owned}
        self._former = known(sorted((self._unidentified | self._taken_away) - ends.keys()))
        self._taken_away = set()
        listener.recreated(
            topic_id,
            [self._recreated(number, 0, end) for number, end in ends.items()],
        )
        self._topic_id = topic_id
        self._restart(owned)
        return set(ends)

    def _last_known_end(self, partition: TopicPartition) -> int:
        _, end = self._consumer.get_watermark_offsets(partition, cached=True)
        return max(0, end)  # negative if it is not known

    def _compare(self, listener: SourceListener, topic_id: str, known: KnownPositions) -> set[int]:
        """Compare the topic's id with the one under which offsets were committed."""
        if not self._unidentified:
            return set()
        places = [TopicPartition(self._topic, number) for number in sorted(self._unidentified)]
        committed = self._consumer.committed(places, timeout=ANSWER_SECONDS)
        deleted = {
            place.partition: place.offset for place in committed if _is_foreign(place, topic_id)
        } | {
            place.partition: self._former[place.partition]
            for place in committed
            if place.offset < 0 and place.partition in self._former
        }
        # Kafka may report offsets of the deleted topic, for a moment, after newer ones.
        positions = known(list(deleted)) if deleted else {}
        gaps = [
            self._recreated(number, offset, offset)
            for number, offset in deleted.items()
            if not positions.get(number)
        ]
        if gaps and not listener.skipped(gaps):
            return set()
        for number in self._unidentified:
            self._former.pop(number, None)
        self._unidentified.clear()
        self._restart(
            [TopicPartition(self._topic, number, positions.get(number, 0)) for number in deleted]
        )
        return set(deleted)

    def _bounds(self, number: int) -> Bounds:
        return self._consumer.get_watermark_offsets(
            TopicPartition(self._topic, number), timeout=ANSWER_SECONDS
        )

    def _find_gap(
        self, number: int, invalid: _Invalid, known: int, bounds: Bounds
    ) -> tuple[Gap | None, int]:
        """Return the gap at a partition's position, if there is one, and where to continue."""
        first, end = bounds
        position = max(invalid.offset or 0, known)
        end = end if invalid.end is None else max(first, min(end, invalid.end))
        gap = find_gap((self._topic, number), position, first, end)
        return gap, position if gap is None else gap.resume

    def _recreated(self, partition: int, first: int, following: int) -> Gap:
        return Gap(self._topic, partition, GapReason.TOPIC_RECREATED, first, following, 0)

    def _restart(self, partitions: Sequence[TopicPartition]) -> None:
        """Read partitions from these offsets on.

        Raises:
            ClientFailedError: if the client cannot; their gaps are accounted for, so continuing
                elsewhere would skip records.
        """
        stopped = [part for part in partitions if part.partition in self._invalid]
        try:
            for partition in partitions:
                if partition.partition not in self._invalid:
                    self._seek(partition)
            if stopped:
                restart_at(self._consumer, stopped)
        except KafkaException as error:
            raise ClientFailedError(
                f"Cannot continue after a gap in {self._topic}: {error.args[0].str()}."
            ) from error
        for partition in stopped:
            del self._invalid[partition.partition]

    def _seek(self, partition: TopicPartition) -> None:
        """Seek, which leaves a rebalance alone that may be going on; else assign again."""
        try:
            self._consumer.seek(partition)
        except KafkaException as error:
            if error.args[0].code() != KafkaError._STATE:  # noqa: SLF001 - a public code
                raise
            restart_at(self._consumer, [partition])  # it is not fetched yet


def _is_foreign(committed: TopicPartition, topic_id: str) -> bool:
    """Return whether an offset was committed in another topic of the same name.

    Raises:
        KafkaException: if the offset could not be fetched.
    """
    if committed.error is not None:
        raise KafkaException(committed.error)
    metadata = committed.metadata or ""
    return metadata.startswith(METADATA_PREFIX) and metadata != METADATA_PREFIX + topic_id
