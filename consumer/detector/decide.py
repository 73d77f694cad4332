"""From scores to output records: an alert for each flagged transaction, a dead letter otherwise."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from consumer.commit.sink import OutputRecord
from consumer.detector.decode import Batch, Rejection
from consumer.detector.protocols import InputRecord
from events.codec import dead_letter_headers, encode, source_header
from events.messages import Alert, DeadLetter, Headers
from events.topics import Topics

# The producer's own limit, and its default: librdkafka rejects larger records.
LIMIT_PROPERTY = "message.max.bytes"
LIMIT_BYTES = 1_000_000

# A dead letter is larger than its record by its headers, about 600 bytes; a record near the limit
# must not stop the stream.
_KEPT_SHARE = 0.9
_EXCERPT_BYTES = 16 * 1024  # of the value, and as many of the headers
_EXCERPT_KEY_BYTES = 1024


def kept_bytes(limit: str | int = LIMIT_BYTES) -> int:
    """Return the size up to which a rejected record is kept whole.

    Args:
        limit: the producer's `LIMIT_PROPERTY`.
    """
    return int(int(limit) * _KEPT_SHARE)


@dataclass(frozen=True, slots=True)
class Decider:
    """Decides what a batch emits.

    Attributes:
        threshold: transactions with this score or a higher one are flagged.
        model_version: named in each alert.
        topics: where alerts and dead letters go.
        kept_bytes: the size up to which a rejected record is kept whole.
        group: whose offsets are committed in the transaction of the outputs, which
            `consumer.commit.output_positions` relies on; None where there is no transaction.
    """

    threshold: float
    model_version: str
    topics: Topics
    kept_bytes: int = kept_bytes()
    group: str | None = None

    def flagged(self, scores: NDArray[np.float32]) -> NDArray[np.intp]:
        """Return the rows of the flagged transactions, intp [f]."""
        return np.flatnonzero(scores >= self.threshold)

    def emit(
        self,
        records: Sequence[InputRecord],
        batch: Batch,
        scores: NDArray[np.float32],
        flagged: NDArray[np.intp],
        *,
        topic_id: str,
        now: float,
    ) -> list[OutputRecord]:
        """Return the batch's alerts and dead letters.

        Args:
            records: that were read.
            batch: the n accepted transactions of them, and the rejections.
            scores: float32 [n].
            flagged: the rows to raise an alert for.
            topic_id: of the topic that was read.
            now: detection time, seconds since the epoch.
        """
        source = () if self.group is None else (source_header(self.group, topic_id),)
        places = np.flatnonzero(~batch.rejected)[flagged]
        alerts = [
            self._alert(batch, scores, row, now, records[place], source)
            for row, place in zip(flagged.tolist(), places.tolist(), strict=True)
        ]
        return alerts + [
            self._dead_letter(rejection, self.kept_bytes, source) for rejection in batch.rejections
        ]

    def _alert(
        self,
        batch: Batch,
        scores: NDArray[np.float32],
        row: int,
        now: float,
        record: InputRecord,
        source: Headers,
    ) -> OutputRecord:
        alert = Alert(
            transaction_id=batch.ids[row],
            event_time_ms=round(batch.event_times[row] * 1000),
            detection_time_ms=round(now * 1000),
            score=float(scores[row]),
            threshold=self.threshold,
            model_version=self.model_version,
            Amount=float(batch.amounts[row]),
            partition=record.partition(),
            offset=record.offset(),
        )
        return OutputRecord(
            self.topics.alerts, alert.transaction_id.encode(), encode(alert), source
        )

    def _dead_letter(self, rejection: Rejection, maximum: int, source: Headers) -> OutputRecord:
        letter = dead_letter(rejection, maximum=maximum)
        return OutputRecord(
            self.topics.dead_letters,
            letter.key,
            letter.value,
            (*dead_letter_headers(letter), *source),
            letter.timestamp,
            excerpt=partial(self._dead_letter, rejection, 0, source) if maximum else None,
        )


def dead_letter(rejection: Rejection, *, maximum: int = kept_bytes()) -> DeadLetter:
    """Return the dead letter of a rejected record; of one larger than `maximum` bytes, an excerpt.

    An excerpt has the beginnings of key and value, and the first headers, up to 16 KiB of them.
    """
    record, error = rejection.record, rejection.error
    key, value, headers = record.key(), record.value(), tuple(record.headers() or ())
    message = str(error)
    size = len(key or b"") + len(value or b"") + sum(map(_header_bytes, headers))
    is_excerpt = size > maximum
    if is_excerpt:
        key, value = (key or b"")[:_EXCERPT_KEY_BYTES], (value or b"")[:_EXCERPT_BYTES]
        ends = np.cumsum([_header_bytes(header) for header in headers])
        headers = headers[: np.count_nonzero(ends <= _EXCERPT_BYTES)]
        message += f"; too large to be kept whole, so this is the beginning of {size:,} bytes"
    return DeadLetter(
        topic=record.topic(),
        partition=record.partition(),
        offset=record.offset(),
        stage="decode",
        error=type(error).__name__,
        message=message,
        reason=error.reason,
        key=key,
        value=value,
        headers=headers,
        timestamp=record.timestamp()[1],
        original_bytes=size if is_excerpt else None,
    )


def _header_bytes(header: tuple[str, bytes | None]) -> int:
    return len(header[0].encode()) + len(header[1] or b"")
