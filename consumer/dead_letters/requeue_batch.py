"""What one transaction of a replay writes, and what became of each of its dead letters."""

from collections import Counter
from dataclasses import dataclass, field

from confluent_kafka import TopicPartition

from consumer.commit.sink import OutputRecord
from consumer.dead_letters.store import FOREIGN, StoredDeadLetter
from events.codec import dead_letter_headers
from events.messages import DeadLetter, Headers


@dataclass(slots=True)
class RequeueResult:
    """What became of dead letters; each is in one of the four.

    Attributes:
        replayed: written to the topic they came from.
        back: refused again and written to the end of the dead-letter topic, by their new reason.
        dropped: refused again and passed over, by their new reason.
        others: not of the reasons wanted, and written to the end of the dead-letter topic.
    """

    replayed: int = 0
    back: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    others: int = 0

    def add(self, other: "RequeueResult") -> None:
        """Count these as well."""
        self.replayed += other.replayed
        self.back += other.back
        self.dropped += other.dropped
        self.others += other.others


class RequeueBatch:
    """What one transaction is to write, and how far that reaches."""

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self.records: list[OutputRecord] = []
        self.outcome = RequeueResult()
        self.nexts: dict[int, int] = {}

    def offsets(self) -> list[TopicPartition]:
        """Return the next-to-read offset of each partition."""
        return [TopicPartition(self._topic, *place) for place in self.nexts.items()]

    def replay(self, dead: StoredDeadLetter) -> None:
        """Write the record as it was to where it came from."""
        letter = dead.letter
        self._write(dead, letter.topic, letter.headers)
        self.outcome.replayed += 1

    def others(self, dead: StoredDeadLetter) -> None:
        """Write the dead letter unchanged to the end."""
        self._write(dead, self._topic, _headers(dead.letter))
        self.outcome.others += 1

    def back(self, dead: StoredDeadLetter, again: DeadLetter) -> None:
        """Write the dead letter with its new reason to the end."""
        self._write(dead, self._topic, _headers(again))
        self.outcome.back[again.reason] += 1

    def drop(self, dead: StoredDeadLetter, again: DeadLetter) -> None:
        """Write nothing."""
        self._passed(dead)
        self.outcome.dropped[again.reason] += 1

    def _write(self, dead: StoredDeadLetter, topic: str, headers: Headers) -> None:
        letter = dead.letter
        record = OutputRecord(topic, letter.key, letter.value, headers, letter.timestamp)
        self.records.append(record)
        self._passed(dead)

    def _passed(self, dead: StoredDeadLetter) -> None:
        self.nexts[dead.place.partition] = dead.place.offset + 1


def _headers(letter: DeadLetter) -> Headers:
    """Return a dead letter's headers; what never was one keeps those it has."""
    return letter.headers if letter.reason == FOREIGN else tuple(dead_letter_headers(letter))
