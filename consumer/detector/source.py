"""Reading the input topic in natural micro-batches, as a member of a consumer group."""

import logging
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import cast

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from consumer.commit.watchdog import Watch, unwatched
from consumer.detector.beginning import Beginning
from consumer.detector.positions import InputPositions, KnownPositions
from consumer.detector.protocols import (
    CommittedPositions,
    InputRecord,
    OutputPositions,
    SourceListener,
    TopicIdentity,
    Trigger,
)
from kafkaio.error_codes import (
    AUTHORIZATION_ERRORS,
    BROKER_AWAY,
    PARTITION_END,
    POSITION_INVALID,
    TOPIC_MISSING,
    is_fatal,
)
from kafkaio.errors import ClientFailedError, PermissionMissingError, TopicMissingError
from kafkaio.partitions import PartitionId
from kafkaio.reading import consumer_failed

logger = logging.getLogger(__name__)

# Signals are handled between two waits, and confluent-kafka 2.13 to 2.15.0 cut longer waits short.
POLL_SECONDS = 0.1

# An open transaction of a dead owner ends after 10 s, and up to 10 s more until a broker looks.
JOURNAL_SECONDS = 60.0

# How often a partition that the journal lacks is tried again.
HOLD_SECONDS = 5.0
# A member answers its group again only after the next read; see `consumer.commit.kafka_sink`.
COMMITTED_SECONDS = 5.0

# The connectivity watch handles an absent broker.
_HARMLESS = BROKER_AWAY | {PARTITION_END}


def _nothing_committed(_topic: str, _partition: int) -> int:
    return 0


class Source:
    """The input topic, read a batch at a time.

    Records that cannot be read are accounted for before reading continues after them
    (`consumer.detector.positions`).

    A newly assigned partition starts at the furthest of three positions: the group's offset, what
    this process committed itself, and what the journal says, since the group's offset may be out
    of date for a moment after a fault (`consumer.commit.recovery`).

    Args:
        consumer: a member of the group.
        topic: what is read.
        identity: knows the topic's id.
        batch_maximum: records in a batch, at most.
        starts_at_end: whether a group without committed offsets begins at the end of the topic,
            not at its first record.
        committed: returns the offset that this process last committed for a topic's partition, 0
            for none (`Checkpoint.committed`).
        position: returns the offset after the last one that was read of a topic's partition since
            it was assigned, 0 for none (`Checkpoint.position`).
        journal: committed positions according to the journal; None where none is kept.
        outputs: where the group's outputs come from, for partitions without any of the three
            positions; None if that does not tell how far the group is.
        watch: watches a seek, which has no timeout.
        monotonic: seconds for deadlines.
    """

    def __init__(
        self,
        consumer: Consumer,
        topic: str,
        identity: TopicIdentity,
        *,
        batch_maximum: int,
        starts_at_end: bool = False,
        committed: Callable[[str, int], int] = _nothing_committed,
        position: Callable[[str, int], int] = _nothing_committed,
        journal: CommittedPositions | None = None,
        outputs: OutputPositions | None = None,
        watch: Watch = unwatched,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._consumer = consumer
        self._topic = topic
        self._batch_maximum = batch_maximum
        self._committed = committed
        self._position = position
        self._journal = journal
        self._watch = watch
        self._monotonic = monotonic
        beginning = Beginning(topic, at_end=starts_at_end, outputs=outputs)
        self._positions = InputPositions(consumer, topic, identity, beginning)
        self._listener: SourceListener
        self._unknown_since: float | None = None
        self._unverified: set[int] = set()  # assigned partitions whose position is not verified
        self._held: set[int] = set()  # assigned partitions that the journal lacks
        self._held_until = 0.0
        self._batch: list[Message] = []

    def subscribe(self, listener: SourceListener) -> None:
        """Join the group."""
        self._listener = listener

        def assigned(_: Consumer, partitions: list[TopicPartition]) -> None:
            listener.assigned(partitions)
            self._unverified |= {partition.partition for partition in partitions}
            self._positions.assigned(partitions)

        def revoked(_: Consumer, partitions: list[TopicPartition]) -> None:
            listener.revoked(partitions)
            self._drop(partitions)

        def lost(_: Consumer, partitions: list[TopicPartition]) -> None:
            listener.lost(partitions)
            self._drop(partitions)

        self._consumer.subscribe([self._topic], on_assign=assigned, on_revoke=revoked, on_lost=lost)

    def read(self) -> tuple[list[InputRecord], Trigger]:
        """Block for a first record, then take what has arrived, up to the maximum.

        Blocks for `POLL_SECONDS` when there is nothing, and returns no records then. Calls the
        listener when the group rebalances or records cannot be read, and returns nothing of a
        partition that was taken away meanwhile.

        Raises:
            TopicMissingError: if the topic does not exist any more.
            PermissionMissingError: if reading it, or the group, is no longer permitted.
            ClientFailedError: if the client cannot continue, or the journal does not answer.
            RecordsLostError: if the listener is to stop at a gap.
        """
        self._batch = []
        if self._held and self._monotonic() >= self._held_until:
            self._consumer.resume(self._partitions(self._held))
            self._held = set()
        self._move(self._positions.repair)
        self._take(1, POLL_SECONDS)
        if self._batch and self._batch_maximum > 1:
            self._take(self._batch_maximum - 1, 0)
        trigger = Trigger.FULL if len(self._batch) == self._batch_maximum else Trigger.DRAINED
        records = [message for message in self._batch if self._is_record(message)]
        return self._skip_committed(self._identified(cast("list[InputRecord]", records))), trigger

    def rewind(self, partitions: Sequence[TopicPartition]) -> None:
        """Read these partitions from their offsets on; those no longer owned are left alone.

        Raises:
            ClientFailedError: if the client cannot seek, since continuing would skip records.
        """
        owned = {
            (partition.topic, partition.partition) for partition in self._consumer.assignment()
        }
        for partition in partitions:
            if (partition.topic, partition.partition) in owned:
                try:
                    with self._watch("A seek"):
                        self._positions.move([partition])
                except KafkaException as error:
                    raise ClientFailedError(
                        f"Cannot rewind {partition.topic} [{partition.partition}] to offset "
                        f"{partition.offset}: {_text(error)}."
                    ) from error

    def committed(self, partitions: Sequence[TopicPartition]) -> Mapping[PartitionId, int]:
        """Return how far partitions of the topic are committed, by the group or by the journal.

        This is negative where nothing is. Offsets in a deleted topic of the same name do not count.

        Raises:
            KafkaException: if that cannot be determined at present; call again.
        """
        known = self._consumer.committed(list(partitions), timeout=COMMITTED_SECONDS)
        offsets = [-1 if self._positions.is_foreign(place) else place.offset for place in known]
        numbers = [partition.partition for partition in partitions]
        journal = self._journal.next_offsets(numbers) if self._journal else {}
        return {
            (place.topic, place.partition): max(offset, journal.get(place.partition) or -1)
            for place, offset in zip(known, offsets, strict=True)
        }

    def close(self) -> None:
        """Leave the group; calls the listener's `revoked` first."""
        self._consumer.close()

    def _take(self, count: int, timeout: float) -> None:
        # Two statements: the effect of `_drop` within `consume` must come first.
        messages = self._consumer.consume(count, timeout=timeout)
        self._batch += messages

    def _drop(self, partitions: Sequence[TopicPartition]) -> None:
        """Remove the records of these partitions from the batch: their next owner reads them.

        Scored and committed here, in the group's next generation, they would be processed twice.
        """
        gone = {(partition.topic, partition.partition) for partition in partitions}
        self._unverified -= {partition.partition for partition in partitions}
        self._held -= {partition.partition for partition in partitions}
        self._positions.dropped(partitions)
        self._batch = [
            message for message in self._batch if (message.topic(), message.partition()) not in gone
        ]

    def _move(self, move: Callable[[SourceListener, KnownPositions], set[int]]) -> set[int]:
        """Move partitions to valid positions; return which ones."""
        try:
            return move(self._listener, self._known_positions)
        except KafkaException as error:
            logger.info("The positions in %s are not known yet: %s.", self._topic, _text(error))
            return set()

    def _known_positions(self, partitions: Sequence[int]) -> dict[int, int]:
        """Return how far this process is or was, or what is committed in newly assigned partitions.

        The client may be behind: an eager assignment strategy has it return to committed offsets.
        """
        positions = {
            number: max(self._position(self._topic, number), self._committed(self._topic, number))
            for number in partitions
        }
        return positions | self._committed_positions(
            sorted(self._unverified.intersection(partitions))
        )

    def _identified(self, records: list[InputRecord]) -> list[InputRecord]:
        """Drop records unless they are known to be of the topic of the committed offsets.

        This comes after reading: however long the read took, the answer about the topic is newer.
        """
        moved = self._move(self._positions.identify)
        if not moved and self._positions.all_identified:
            return records
        later = _first_offsets(
            records,
            lambda number: number not in moved and not self._positions.is_identified(number),
        )
        self.rewind([TopicPartition(self._topic, *position) for position in later.items()])
        dropped = moved | later.keys()
        return [record for record in records if record.partition() not in dropped]

    def _skip_committed(self, records: list[InputRecord]) -> list[InputRecord]:
        """Drop newly assigned partitions that start before what is committed; seek past that."""
        if not self._unverified:
            return records
        starts = _first_offsets(records, self._unverified.__contains__)
        if not starts:
            return records
        try:
            committed = self._committed_positions(list(starts))
        except KafkaException as error:
            self._retry_later(error)
            rewound = starts
        else:
            self._unknown_since = None
            self._unverified -= committed.keys()
            rewound = {
                partition: committed.get(partition, start)
                for partition, start in starts.items()
                if committed.get(partition, start + 1) > start
            }
            self._hold(starts.keys() - committed.keys())
        for partition in rewound.keys() - self._unverified:
            logger.warning(
                "Kafka reports offset %d for %s [%d], but %d is committed: continuing there.",
                starts[partition],
                self._topic,
                partition,
                rewound[partition],
            )
        self.rewind([TopicPartition(self._topic, *position) for position in rewound.items()])
        return [record for record in records if record.partition() not in rewound]

    def _hold(self, partitions: Collection[int]) -> None:
        """Stop fetching partitions that the journal lacks, and try them again later.

        The other partitions go on; the lag of these is exported, and they count as stalled.
        """
        if not partitions:
            return
        self._consumer.pause(self._partitions(partitions))
        self._held |= {*partitions}
        self._held_until = self._monotonic() + HOLD_SECONDS
        logger.error(
            "%s is not read, because the journal has no partition of that number; increase the "
            "journal's partitions to as many as %s has.",
            ", ".join(f"{self._topic} [{number}]" for number in sorted(partitions)),
            self._topic,
        )

    def _partitions(self, numbers: Iterable[int]) -> list[TopicPartition]:
        return [TopicPartition(self._topic, number) for number in numbers]

    def _committed_positions(self, partitions: Sequence[int]) -> dict[int, int]:
        """Return the committed position of each partition; those that the journal lacks are out."""
        if not partitions:
            return {}
        none: Mapping[int, int] = dict.fromkeys(partitions, 0)
        journal = self._journal.next_offsets(partitions) if self._journal else none
        return {
            partition: max(self._committed(self._topic, partition), position)
            for partition, position in journal.items()
        }

    def _retry_later(self, error: KafkaException) -> None:
        now = self._monotonic()
        self._unknown_since = self._unknown_since or now
        if now - self._unknown_since > JOURNAL_SECONDS:
            raise ClientFailedError(
                f"The journal has not reported the committed positions of {self._topic} for "
                f"{JOURNAL_SECONDS:.0f} s: {_text(error)}."
            ) from error
        logger.info("The committed positions are not known yet: %s.", _text(error))

    def _is_record(self, message: Message) -> bool:
        """Tell records from the errors that librdkafka returns in their place."""
        error = message.error()
        if error is None:
            return True
        if error.code() in TOPIC_MISSING:
            raise TopicMissingError(f"Topic {self._topic} does not exist.")
        if error.code() in AUTHORIZATION_ERRORS:
            raise PermissionMissingError(
                f"Kafka no longer permits reading {self._topic} in this group ({error.str()}); "
                "docs/security.md lists the permissions that are needed."
            )
        if error.code() in POSITION_INVALID:
            self._positions.stopped(message)
            return False
        if is_fatal(error):
            raise consumer_failed(error)
        if error.code() not in _HARMLESS:
            logger.warning("Kafka reports: %s", error.str())
        return False


def _first_offsets(
    records: Iterable[InputRecord], is_wanted: Callable[[int], bool]
) -> dict[int, int]:
    """Return the offset of the first record of each wanted partition."""
    offsets: dict[int, int] = {}
    for record in records:
        if is_wanted(record.partition()):
            offsets.setdefault(record.partition(), record.offset())
    return offsets


def _text(error: KafkaException) -> str:
    text: str = error.args[0].str()
    return text.rstrip(".")
