"""The records and offsets that one transaction of a replay commits, and their counts."""

from collections import Counter
from dataclasses import dataclass, field

from confluent_kafka import TopicPartition

from consumer.commit.sink import OutputRecord
from consumer.dead_letters.store import FOREIGN, StoredDeadLetter
from events.codec import dead_letter_headers
from events.messages import DeadLetter, Headers


@dataclass(slots=True)
class RequeueResult:
    """Counts of dead letters by what was done with them; each is in one of the four.

    Attributes:
        replayed: written to the topic they came from.
        requeued: rejected again, and written to the end of the dead-letter topic; by new reason.
        dropped: rejected again, and skipped; by new reason.
        unselected: of other reasons than selected, and written to the end of the dead-letter topic.
    """

    replayed: int = 0
    requeued: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    unselected: int = 0

    def add(self, other: "RequeueResult") -> None:
        """Add the counts of another result."""
        self.replayed += other.replayed
        self.requeued += other.requeued
        self.dropped += other.dropped
        self.unselected += other.unselected


class RequeueBatch:
    """The content of one transaction; each method adds one dead letter.

    Args:
        topic: the dead-letter topic.

    Attributes:
        records: to be written.
        result: counts of the dead letters added.
        nexts: by partition of the dead-letter topic, the offset to commit.
    """

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self.records: list[OutputRecord] = []
        self.result = RequeueResult()
        self.nexts: dict[int, int] = {}

    def offsets(self) -> list[TopicPartition]:
        """Return the next-to-read offset of each partition."""
        return [TopicPartition(self._topic, *position) for position in self.nexts.items()]

    def replay(self, dead: StoredDeadLetter) -> None:
        """Write the original record to the topic it came from."""
        letter = dead.letter
        self._write(dead, letter.topic, letter.headers)
        self.result.replayed += 1

    def keep_unselected(self, dead: StoredDeadLetter) -> None:
        """Write the dead letter unchanged to the end of the dead-letter topic."""
        self._write(dead, self._topic, _headers(dead.letter))
        self.result.unselected += 1

    def requeue(self, dead: StoredDeadLetter, rejected: DeadLetter) -> None:
        """Write the dead letter with its new reason to the end of the dead-letter topic."""
        self._write(dead, self._topic, _headers(rejected))
        self.result.requeued[rejected.reason] += 1

    def drop(self, dead: StoredDeadLetter, rejected: DeadLetter) -> None:
        """Skip the dead letter."""
        self._move_past(dead)
        self.result.dropped[rejected.reason] += 1

    def _write(self, dead: StoredDeadLetter, topic: str, headers: Headers) -> None:
        letter = dead.letter
        record = OutputRecord(topic, letter.key, letter.value, headers, letter.timestamp)
        self.records.append(record)
        self._move_past(dead)

    def _move_past(self, dead: StoredDeadLetter) -> None:
        self.nexts[dead.position.partition] = dead.position.offset + 1


def _headers(letter: DeadLetter) -> Headers:
    """Return a dead letter's headers; a foreign record keeps its own."""
    return letter.headers if letter.reason == FOREIGN else tuple(dead_letter_headers(letter))
