"""From raw records to what the network takes; what cannot be read becomes a dead letter."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from consumer.source import Received
from events.codec import decode_transaction
from events.errors import PayloadError
from events.messages import DeadLetter, Transaction


@dataclass(frozen=True, slots=True)
class Batch:
    """The readable records of a micro-batch, row by row, and the dead letters of the others.

    Attributes:
        transactions: n transactions.
        features: float32 [n, 30], in the order the network was trained on.
        event_times: float64 [n], the records' Kafka timestamps, seconds since the epoch.
        dead_letters: one for each record that could not be read.
    """

    transactions: list[Transaction]
    features: NDArray[np.float32]
    event_times: NDArray[np.float64]
    dead_letters: list[DeadLetter]


class Decoder:
    """Decodes and validates records one by one: a bad one costs itself, never its batch."""

    def __init__(self, feature_names: Sequence[str]) -> None:
        self._width = len(feature_names)
        self._numbers: Callable[[Transaction], tuple[float, ...]] = attrgetter(*feature_names)

    def decode(self, messages: Sequence[Received]) -> Batch:
        """Return the batch of these records, in their order."""
        transactions: list[Transaction] = []
        timestamps: list[int] = []
        dead_letters: list[DeadLetter] = []
        for message in messages:
            try:
                transactions.append(decode_transaction(message.value()))
            except PayloadError as error:
                dead_letters.append(_dead_letter(message, error))
            else:
                timestamps.append(message.timestamp()[1])
        rows = [self._numbers(transaction) for transaction in transactions]
        return Batch(
            transactions,
            as_float32(rows, self._width),
            np.array(timestamps, dtype=np.float64) / 1000.0,
            dead_letters,
        )


def as_float32(rows: Sequence[tuple[float, ...]], width: int) -> NDArray[np.float32]:
    """Return rows of numbers as float32 [n, width], n from 0 up."""
    return np.array(rows, dtype=np.float32).reshape(len(rows), width)


# A dead letter is larger than its record by its headers, about 600 bytes, and producers refuse
# more than 1,000,000 bytes by default: a record near that limit must not stop the stream.
KEPT_BYTES = 900_000
_EXCERPT_BYTES = 16 * 1024


def _dead_letter(message: Received, error: PayloadError) -> DeadLetter:
    key, value, headers = message.key(), message.value(), tuple(message.headers() or ())
    reason = str(error)
    size = len(key or b"") + len(value or b"")
    size += sum(len(name) + len(text or b"") for name, text in headers)
    if size > KEPT_BYTES:
        key, value, headers = (key or b"")[:1024], (value or b"")[:_EXCERPT_BYTES], ()
        reason += f"; too large for a dead letter, so this is the beginning of {size} bytes"
    return DeadLetter(
        topic=message.topic(),
        partition=message.partition(),
        offset=message.offset(),
        stage="decode",
        error=type(error).__name__,
        message=reason,
        reason=error.reason.value,
        key=key,
        value=value,
        headers=headers,
        timestamp=message.timestamp()[1],
    )
