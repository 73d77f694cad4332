"""Records that their topic rejects as they are, and what is written in their place.

Trying again would not help: each attempt would be aborted for the same reason, for ever.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import Any

from confluent_kafka import KafkaError

from consumer.commit.sink import OutputRecord
from events.codec import ORIGINAL_TIMESTAMP
from kafkaio.error_codes import PURGED


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

    @property
    def reasons(self) -> list[Undelivered]:
        """The records whose errors say why; others were given up because their transaction was."""
        return [each for each in self.failed if each.error.code() != PURGED]

    def rejected(self) -> dict[int, Adjustment]:
        """Return why records were rejected, by their ids.

        A record that was rejected because of another one in its batch is not among them.
        """
        return {
            id(each.record): _ADJUSTMENTS[each.error.code()]
            for each in self.failed
            if each.error.code() in _ADJUSTMENTS
        }

    def _delivered(self, record: OutputRecord, error: KafkaError | None, _message: object) -> None:
        if error is not None:
            self.fail(record, error)


class Adjuster:
    """Finds what to write in place of records that their topics reject.

    Kafka limits the size of a batch, not of a record, and rejects all records of a batch. So
    batches are made smaller first, and only a record that is rejected alone is cut.

    Attributes:
        adjusted: records of the present commit that were adjusted, with the reasons.
    """

    def __init__(self) -> None:
        self.adjusted: list[tuple[OutputRecord, Adjustment]] = []
        self._batch_bytes: dict[str, int] = {}

    def batch_bytes(self, topic: str) -> int | None:
        """Return how large a batch for this topic may be; None for as large as the client likes."""
        return self._batch_bytes.get(topic)

    def adjust(
        self, records: Sequence[OutputRecord], deliveries: Deliveries
    ) -> list[OutputRecord] | None:
        """Return the records to try instead; None if that would not help."""
        reasons = deliveries.rejected()
        large = [record for record in records if reasons.get(id(record)) is Adjustment.SIZE]
        alone = {id(record) for record in large if self._was_alone(record)}
        self._make_batches_smaller([record for record in large if id(record) not in alone])
        result = []
        for record in records:
            reason = reasons.get(id(record))
            if reason is None or (reason is Adjustment.SIZE and id(record) not in alone):
                result.append(record)
                continue
            adjustment = _adjust(record, reason)
            if adjustment is None:
                return None
            self.adjusted.append((record, reason))
            result.append(adjustment)
        return result if reasons else None

    def _make_batches_smaller(self, large: Sequence[OutputRecord]) -> None:
        sizes: Counter[str] = Counter()
        for record in large:
            sizes[record.topic] += record.size
        for topic, size in sizes.items():
            self._batch_bytes[topic] = min(size, self._batch_bytes.get(topic, size)) // 2

    def _was_alone(self, record: OutputRecord) -> bool:
        limit = self._batch_bytes.get(record.topic)
        return limit is not None and record.size > limit


def _adjust(record: OutputRecord, reason: Adjustment) -> OutputRecord | None:
    if reason is Adjustment.SIZE:
        return None if record.excerpt is None else record.excerpt()
    if record.timestamp is None:
        return None
    original = (ORIGINAL_TIMESTAMP, str(record.timestamp).encode())
    return replace(record, timestamp=None, headers=(*record.headers, original))
