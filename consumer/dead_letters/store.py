"""What could not be read: counting it by reason, finding one in full."""

from collections.abc import Callable
from dataclasses import dataclass

from confluent_kafka import TIMESTAMP_NOT_AVAILABLE

from consumer.dead_letters.reader import DeadLetterReader
from consumer.detector.source import InputRecord
from consumer.errors import DeadLetterNotFoundError
from events.codec import read_dead_letter
from events.errors import PayloadError
from events.messages import DeadLetter

FOREIGN = "foreign"
"""The reason shown for a record of the dead-letter topic that lacks our headers."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where a dead letter stands in the dead-letter topic; written 0:42."""

    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.partition}:{self.offset}"


@dataclass(frozen=True, slots=True)
class StoredDeadLetter:
    """A dead letter where it stands now.

    Attributes:
        place: in the dead-letter topic.
        letter: what it says, and the record it was.
    """

    place: Position
    letter: DeadLetter


def kept(message: InputRecord) -> StoredDeadLetter:
    """Return the dead letter in a record; one that lacks our headers has the reason `FOREIGN`."""
    place = Position(message.partition(), message.offset())
    key, value = message.key(), message.value()
    headers = tuple(message.headers() or ())
    kind, milliseconds = message.timestamp()
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
    return StoredDeadLetter(place, letter)


@dataclass(slots=True)
class ReasonSummary:
    """Dead letters of one reason that came from one topic.

    Attributes:
        reason: why they were refused.
        topic: where they came from.
        example: where one stands, if possible one that was not replayed.
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
            self.example = dead.place
        self.count += 1
        self.waiting += waiting
        moment = dead.letter.timestamp
        if moment is not None:
            self.first = moment if self.first is None else min(self.first, moment)
            self.last = moment if self.last is None else max(self.last, moment)


def tally(
    reader: DeadLetterReader, *, advance: Callable[[int], None] = lambda _offsets: None
) -> list[ReasonSummary]:
    """Count all dead letters by reason and origin, most frequent first.

    Memory grows with the number of reasons and topics alone.

    Raises:
        ConsumerError: as `DeadLetterReader.read`.
    """
    tallies: dict[tuple[str, str], ReasonSummary] = {}
    starts = {partition: stretch.first for partition, stretch in reader.stretches.items()}
    for batch in reader.read(starts, advance=advance):
        for message in batch:
            dead = kept(message)
            of = (dead.letter.reason, dead.letter.topic)
            waiting = dead.place.offset >= reader.stretches[dead.place.partition].next
            tallies.setdefault(of, ReasonSummary(*of, dead.place)).add(dead, waiting=waiting)
    return sorted(tallies.values(), key=lambda one: (-one.count, one.reason, one.topic))


def find(reader: DeadLetterReader, place: Position) -> StoredDeadLetter:
    """Return the dead letter at that place.

    Raises:
        DeadLetterNotFoundError: if there is none.
        ConsumerError: as `DeadLetterReader.read`.
    """
    stretch = reader.stretches.get(place.partition)
    if stretch is None:
        raise DeadLetterNotFoundError(
            f"{reader.topic} has no partition {place.partition}; it has "
            f"{', '.join(map(str, reader.stretches))}."
        )
    if stretch.first <= place.offset < stretch.end:
        for batch in reader.read({place.partition: place.offset}):
            if batch[0].offset() == place.offset:
                return kept(batch[0])
            break
    raise DeadLetterNotFoundError(
        f"There is no dead letter at {place} of {reader.topic}, whose partition "
        f"{place.partition} has offsets {stretch.first} to {stretch.end - 1}, some of them "
        f"Kafka's own; 'fraudstream dead-letters list' names one of each reason."
    )
