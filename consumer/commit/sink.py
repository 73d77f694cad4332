"""What the loop asks of a commit: results and offsets in Kafka, both or neither."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from confluent_kafka import TopicPartition

from consumer.detector.metrics import Stage
from events.messages import Headers


class AbortedError(Exception):
    """Nothing of this commit took effect: rewind to the last one and do it again."""


@dataclass(frozen=True, slots=True)
class OutputRecord:
    """A record to be written.

    Attributes:
        topic: where to.
        key: as in Kafka, likewise `value` and `headers`.
        timestamp: milliseconds since the epoch; None for the moment of writing.
        partition: where in the topic; None for where its key says.
    """

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    timestamp: int | None = None
    partition: int | None = None


class Step(StrEnum):
    """A place in a commit at which a fault makes a difference."""

    BEGIN = "begin"
    PRODUCE = "produce"
    OFFSETS = "offsets"
    COMMIT = "commit"
    DONE = "done"


Observe = Callable[[Stage, float], None]
"""Told how many seconds a stage took."""

CommitHook = Callable[[Step], None]
"""Told just before a step of a commit is taken, and of `Step.DONE` just after the last one."""


def pass_by(_step: Step) -> None:
    """Do nothing at a step: what `CommitHook` is unless faults are wanted."""


class CommitSink(Protocol):
    """A way to commit."""

    def open(self) -> None:
        """Prepare, at the start and when the last producer may be stuck; waits for Kafka.

        A new producer each time: one whose broker left the metadata for a moment, as a restarted
        one does, may wait in its next transaction for ever (librdkafka issue 5511).

        Raises:
            CommitError: if Kafka refuses for good.
        """

    def commit(self, records: Sequence[OutputRecord], offsets: Sequence[TopicPartition]) -> None:
        """Write the records and commit the next-to-read offsets.

        Blocks until Kafka acknowledged both.

        Raises:
            AbortedError: if nothing was committed and the work has to be done again.
            CommitError: if this process cannot go on.
        """
