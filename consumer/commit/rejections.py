"""Records that their topic rejects as they are, and what is written in their place.

Trying again would not help: each attempt would be aborted for the same reason, for ever.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import Any

from confluent_kafka import KafkaError

from consumer.commit.sink import OutputRecord
from events.codec import ORIGINAL_TIMESTAMP


class Adjustment(StrEnum):
    """Why a record was not written as it was."""

    TIMESTAMP = "timestamp"
    """The topic rejects its timestamp; it has the time of writing, and the original in a header."""

    SIZE = "size"
    """It is too large for the topic; only its beginning was kept."""


_ADJUSTMENTS = {
    KafkaError.INVALID_TIMESTAMP: Adjustment.TIMESTAMP,
    KafkaError.MSG_SIZE_TOO_LARGE: Adjustment.SIZE,
    KafkaError.RECORD_LIST_TOO_LARGE: Adjustment.SIZE,
}


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A record that was not delivered, and why."""

    record: OutputRecord
    error: KafkaError


class Deliveries:
    """Collects the records of one attempt that were not delivered.

    Attributes:
        failed: these records.
    """

    def __init__(self) -> None:
        self.failed: list[Undelivered] = []

    def callback(self, record: OutputRecord) -> Callable[[KafkaError | None, Any], None]:
        """Return the delivery callback of a record."""
        return partial(self._delivered, record)

    def fail(self, record: OutputRecord, error: KafkaError) -> None:
        """Add a record that was not delivered."""
        self.failed.append(Undelivered(record, error))

    def adjust(
        self, records: Sequence[OutputRecord]
    ) -> tuple[list[OutputRecord], list[tuple[OutputRecord, Adjustment]]]:
        """Return the records with the rejected ones adjusted, and these with the reasons.

        None is adjusted if a rejected one cannot be.
        """
        errors = {id(each.record): each.error for each in self.failed}
        adjusted: list[tuple[OutputRecord, Adjustment]] = []
        result = []
        for record in records:
            error = errors.get(id(record))
            if error is not None and (reason := _ADJUSTMENTS.get(error.code())) is not None:
                adjustment = _adjust(record, reason)
                if adjustment is None:
                    return list(records), []
                adjusted.append((record, reason))
                result.append(adjustment)
            else:  # delivered, or rejected because of another record in its batch
                result.append(record)
        return result, adjusted

    def _delivered(self, record: OutputRecord, error: KafkaError | None, _message: object) -> None:
        if error is not None:
            self.fail(record, error)


def _adjust(record: OutputRecord, reason: Adjustment) -> OutputRecord | None:
    if reason is Adjustment.SIZE:
        return None if record.excerpt is None else record.excerpt()
    if record.timestamp is None:
        return None
    original = (ORIGINAL_TIMESTAMP, str(record.timestamp).encode())
    return replace(record, timestamp=None, headers=(*record.headers, original))
