"""The seam between the loop and a commit: results and offsets in Kafka, both or neither."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from confluent_kafka import TopicPartition

from events.messages import Headers


class AbortedError(Exception):
    """Nothing of this commit took effect: open the sink again, roll back, process again."""


class UncertainError(Exception):
    """Whether this commit took effect is not known before the sink is opened again.

    Opening it ends the transaction, so the group's committed offsets tell afterwards.
    """


class UnavailableError(Exception):
    """Kafka does not register a producer at present; opening the sink may succeed later."""


@dataclass(frozen=True, slots=True)
class OutputRecord:
    """A record to produce.

    Attributes:
        topic: where to.
        key: as in Kafka, likewise `value` and `headers`.
        timestamp: milliseconds since the epoch; None for the time of producing.
        partition: in the topic; None to let the key decide.
        excerpt: returns a smaller record, to be written if the topic rejects this one as too large;
            None if there is none.
    """

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    timestamp: int | None = None
    partition: int | None = None
    excerpt: "Callable[[], OutputRecord] | None" = None

    @property
    def size(self) -> int:
        """Its bytes: key, value and headers."""
        headers = sum(len(name) + len(content or b"") for name, content in self.headers)
        return len(self.key or b"") + len(self.value or b"") + headers


@dataclass(frozen=True, slots=True)
class CommitTimings:
    """How long a commit took, in seconds.

    Attributes:
        produce: handing the records to the client (and, at-least-once, their acknowledgement).
        commit: committing the offsets, with the transaction where there is one.
    """

    produce: float
    commit: float


class CommitStep(StrEnum):
    """A point in a commit at which a fault makes a difference."""

    BEGIN = "begin"
    PRODUCE = "produce"
    OFFSETS = "offsets"
    COMMIT = "commit"
    DONE = "done"


CommitHook = Callable[[CommitStep], None]
"""Called just before each step of a commit, and with `CommitStep.DONE` just after the last one."""


def no_hook(_step: CommitStep) -> None:
    """Do nothing; tests pass hooks that fail, stall or kill the process."""


class CommitSink(Protocol):
    """Commits results and offsets. Called by the loop's thread only."""

    def open(self) -> None:
        """Create the producer; blocks until Kafka has registered it.

        Called at the start, after an outage, and after each commit that failed. It is a new
        producer each time: one whose broker left the metadata for a moment, as a restarted one
        does, can wait in its next transaction for ever (librdkafka issue 5511), and one whose
        commit timed out accepts no other call. Registering the new one ends the transaction of the
        old one, which cannot write any more.

        Raises:
            UnavailableError: if Kafka does not register it in time; the sink stays closed.
            CommitError: if Kafka rejects the first producer for good.
            PermissionMissingError: if the first one's transactional id is not permitted.
        """

    def commit(
        self, records: Sequence[OutputRecord], offsets: Sequence[TopicPartition]
    ) -> CommitTimings:
        """Produce the records and commit the next-to-read offsets.

        Blocks until Kafka has acknowledged both. After an error the sink is closed.

        Raises:
            AbortedError: if nothing was committed and the work has to be done again.
            UncertainError: if it is not known whether this was committed.
            CommitError: if this process cannot continue.
        """
