"""Summarizes the dead letters by reason, and finds one."""

from collections.abc import Callable
from dataclasses import dataclass

from confluent_kafka import TIMESTAMP_NOT_AVAILABLE

from consumer.dead_letters.reader import DeadLetterReader
from consumer.detector.protocols import InputRecord
from consumer.errors import DeadLetterNotFoundError
from events.codec import read_dead_letter
from events.errors import PayloadError
from events.messages import DeadLetter

FOREIGN = "foreign"
"""The reason shown for a record of the dead-letter topic that lacks our headers."""


@dataclass(frozen=True, slots=True)
class Position:
    """A partition and an offset of the dead-letter topic; written 0:42."""

    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.partition}:{self.offset}"


@dataclass(frozen=True, slots=True)
class StoredDeadLetter:
    """A dead letter and its position.

    Attributes:
        position: in the dead-letter topic.
        letter: the rejected record, and why it was rejected.
    """

    position: Position
    letter: DeadLetter


def parse(record: InputRecord) -> StoredDeadLetter:
    """Return the dead letter in a record; without our headers its reason is `FOREIGN`."""
    position = Position(record.partition(), record.offset())
    key, value = record.key(), record.value()
    headers = tuple(record.headers() or ())
    kind, milliseconds = record.timestamp()
    timestamp = None if kind == TIMESTAMP_NOT_AVAILABLE else milliseconds
    try:
        letter = read_dead_letter(key, value, headers, timestamp)
    except PayloadError as error:
        letter = DeadLetter(
            topic="?",
            partition=-1,
            offset=-1,
            stage="?",
            error=type(error).__name__,
            message=f"this is no dead letter of a detector: {error}",
            reason=FOREIGN,
            key=key,
            value=value,
            headers=headers,
            timestamp=timestamp,
        )
    return StoredDeadLetter(position, letter)


@dataclass(slots=True)
class ReasonSummary:
    """The dead letters of one reason that came from one topic.

    Attributes:
        reason: why they were rejected.
        topic: the topic they came from.
        example: the position of one, if possible of one that was not replayed.
        count: how many there are.
        waiting: how many of them were not replayed.
        first: earliest timestamp of their records, milliseconds since the epoch; None if unknown.
        last: the latest one, likewise.
    """

    reason: str
    topic: str
    example: Position
    count: int = 0
    waiting: int = 0
    first: int | None = None
    last: int | None = None

    def add(self, dead: StoredDeadLetter, *, waiting: bool) -> None:
        """Count one more."""
        if waiting and not self.waiting:
            self.example = dead.position
        self.count += 1
        self.waiting += waiting
        moment = dead.letter.timestamp
        if moment is not None:
            self.first = moment if self.first is None else min(self.first, moment)
            self.last = moment if self.last is None else max(self.last, moment)


def summarize(
    reader: DeadLetterReader, *, advance: Callable[[int], None] = lambda _offsets: None
) -> list[ReasonSummary]:
    """Summarize all dead letters by reason and topic of origin, most frequent first.

    Memory grows only with the number of reasons and topics.

    Args:
        reader: after its `snapshot`.
        advance: called with each number of offsets passed.

    Raises:
        KafkaIOError: as `DeadLetterReader.read`.
    """
    summaries: dict[tuple[str, str], ReasonSummary] = {}
    starts = {partition: offsets.first for partition, offsets in reader.ranges.items()}
    for batch in reader.read(starts, advance=advance):
        for record in batch:
            dead = parse(record)
            position = dead.position
            group = (dead.letter.reason, dead.letter.topic)
            waiting = position.offset >= reader.ranges[position.partition].next
            summaries.setdefault(group, ReasonSummary(*group, position)).add(dead, waiting=waiting)
    return sorted(
        summaries.values(), key=lambda summary: (-summary.count, summary.reason, summary.topic)
    )


def find(reader: DeadLetterReader, position: Position) -> StoredDeadLetter:
    """Return the dead letter at a position.

    Raises:
        DeadLetterNotFoundError: if there is none.
        KafkaIOError: as `DeadLetterReader.read`.
    """
    offsets = reader.ranges.get(position.partition)
    if offsets is None:
        raise DeadLetterNotFoundError(
            f"{reader.topic} has no partition {position.partition}; it has "
            f"{', '.join(map(str, reader.ranges))}."
        )
    if offsets.first <= position.offset < offsets.end:
        batch = next(reader.read({position.partition: position.offset}), [])
        if batch and batch[0].offset() == position.offset:
            return parse(batch[0])
    raise DeadLetterNotFoundError(
        f"There is no dead letter at {position} of {reader.topic}, whose partition "
        f"{position.partition} has offsets {offsets.first} to {offsets.end - 1}, some of which "
        f"hold Kafka's own records."
    )
