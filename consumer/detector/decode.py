"""From raw records to what the network takes; what cannot be read becomes a dead letter."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from consumer.detector.source import InputRecord
from events.codec import decode_transaction, decode_usual
from events.compact import NUMBER, NUMBERS_BYTES, is_compact
from events.errors import PayloadError
from events.messages import BOUNDS, FEATURES, ID_LENGTHS, DeadLetter, Transaction

# Records are decoded so many at a time, so that their numbers are float32 before the processor's
# caches have forgotten them: a batch of 16,384 at once takes half as long again.
PART_RECORDS = 256

# The network is called with so many rows at most: worth a call of their own, and small enough for a
# processor's caches on their way through it. 2,048 rows of 256 float32 are 2 MB.
READY_ROWS = 2_048

_AMOUNT = FEATURES.index("Amount")
_LOWEST = np.array([BOUNDS[name].low for name in FEATURES])
_HIGHEST = np.array([BOUNDS[name].high for name in FEATURES])
_numbers: Callable[[Transaction], tuple[float, ...]] = attrgetter(*FEATURES)

Ready = Callable[[NDArray[np.float32]], None]


def _pass_by(_features: NDArray[np.float32]) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Batch:
    """The readable records of a micro-batch, row by row, and the dead letters of the others.

    Attributes:
        ids: of n transactions.
        features: float32 [n, 30], in the order the network was trained on.
        amounts: float64 [n], the money.
        event_times: float64 [n], the records' Kafka timestamps, seconds since the epoch.
        dead_letters: one for each record that could not be read.
    """

    ids: list[str]
    features: NDArray[np.float32]
    amounts: NDArray[np.float64]
    event_times: NDArray[np.float64]
    dead_letters: list[DeadLetter]


@dataclass(frozen=True, slots=True)
class Part:
    """The readable records of a few, row by row.

    Attributes:
        ids: of n transactions.
        numbers: float64 [n, 30], in the order of `FEATURES`.
        timestamps: of their records, milliseconds since the epoch.
    """

    ids: list[str]
    numbers: NDArray[np.float64]
    timestamps: list[int]


class Decoder:
    """Decodes and validates records: a bad one costs itself, never its batch.

    Args:
        feature_names: in the order the network was trained on.
    """

    def __init__(self, feature_names: Sequence[str]) -> None:
        self._order = [FEATURES.index(name) for name in feature_names]

    def decode(self, messages: Sequence[InputRecord], ready: Ready = _pass_by) -> Batch:
        """Return the batch of these records, in their order.

        Args:
            messages: the records.
            ready: told of the batch's features from the first row on, float32 [n, 30], n being
                `READY_ROWS`, as soon as they are decoded. The last rows need not be among them.
        """
        ids: list[str] = []
        features = np.empty((len(messages), len(self._order)), np.float32)
        amounts = np.empty(len(messages), np.float64)
        timestamps: list[int] = []
        dead_letters: list[DeadLetter] = []
        told = 0
        for at in range(0, len(messages), PART_RECORDS):
            some = messages[at : at + PART_RECORDS]
            part = _at_once(some) or _one_by_one(some, dead_letters)
            rows = slice(len(ids), len(ids) + len(part.ids))
            features[rows] = part.numbers[:, self._order]
            amounts[rows] = part.numbers[:, _AMOUNT]
            ids += part.ids
            timestamps += part.timestamps
            if len(ids) - told >= READY_ROWS:
                ready(features[told : told + READY_ROWS])
                told += READY_ROWS
        return Batch(
            ids,
            features[: len(ids)],
            amounts[: len(ids)],
            np.array(timestamps, dtype=np.float64) / 1000.0,
            dead_letters,
        )


def _at_once(messages: Sequence[InputRecord]) -> Part | None:
    """Return what stands in records of one encoding; None if they are mixed, or any is unusual."""
    compact = sum(is_compact(message.headers()) for message in messages)
    if compact not in (0, len(messages)):
        return None
    payloads = [message.value() or b"" for message in messages]
    found = _compact_at_once(payloads) if compact else _json_at_once(payloads)
    if found is None:
        return None
    return Part(*found, [message.timestamp()[1] for message in messages])


def _json_at_once(payloads: list[bytes]) -> tuple[list[str], NDArray[np.float64]] | None:
    """Return ids and numbers of JSON values; None if any is unusual."""
    transactions = decode_usual(payloads)
    return None if transactions is None else (_ids(transactions), as_numbers(transactions))


def _compact_at_once(payloads: list[bytes]) -> tuple[list[str], NDArray[np.float64]] | None:
    """Return ids and numbers of compact values; None if any is refused."""
    try:
        numbers = np.frombuffer(b"".join([it[:NUMBERS_BYTES] for it in payloads]), NUMBER)
        numbers = numbers.reshape(len(payloads), len(FEATURES))
        ids = b"\n".join([it[NUMBERS_BYTES:] for it in payloads]).decode().split("\n")
    except ValueError:  # too short, or not UTF-8
        return None
    # With a newline in an id there are more ids than records, and it is not known whose they are.
    if len(ids) != len(payloads) or not _are_valid(ids, numbers):
        return None
    return ids, numbers


def _are_valid(ids: list[str], numbers: NDArray[np.float64]) -> bool:
    """Tell whether all is within the bounds of `Transaction`; what is no number is within none."""
    lengths = [len(it) for it in ids]
    return bool(
        ID_LENGTHS.low <= min(lengths)
        and max(lengths) <= ID_LENGTHS.high
        and (numbers.min(axis=0) >= _LOWEST).all()
        and (numbers.max(axis=0) <= _HIGHEST).all()
    )


def _one_by_one(messages: Sequence[InputRecord], dead_letters: list[DeadLetter]) -> Part:
    """Return those that can be read; add the others to the dead letters."""
    transactions: list[Transaction] = []
    timestamps: list[int] = []
    for message in messages:
        try:
            transactions.append(decode_transaction(message.value(), message.headers()))
        except PayloadError as error:
            dead_letters.append(_dead_letter(message, error))
        else:
            timestamps.append(message.timestamp()[1])
    return Part(_ids(transactions), as_numbers(transactions), timestamps)


def _ids(transactions: Sequence[Transaction]) -> list[str]:
    return [transaction.transaction_id for transaction in transactions]


def as_numbers(transactions: Sequence[Transaction]) -> NDArray[np.float64]:
    """Return the numbers of n transactions, float64 [n, 30], in the order of `FEATURES`."""
    rows = chain.from_iterable(map(_numbers, transactions))
    shape = (len(transactions), len(FEATURES))
    return np.fromiter(rows, np.float64, shape[0] * shape[1]).reshape(shape)


# A dead letter is larger than its record by its headers, about 600 bytes, and producers refuse
# more than 1,000,000 bytes by default: a record near that limit must not stop the stream.
KEPT_BYTES = 900_000
_EXCERPT_BYTES = 16 * 1024


def _dead_letter(message: InputRecord, error: PayloadError) -> DeadLetter:
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
