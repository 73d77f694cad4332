"""From raw records to the network's input; a record that is not valid becomes a rejection."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from consumer.detector.source import InputRecord
from events.codec import decode_transaction, decode_usual
from events.compact import NUMBER, NUMBERS_BYTES, is_compact
from events.errors import PayloadError, Reason
from events.messages import BOUNDS, FEATURES, ID_LENGTHS, Transaction

# Records are decoded this many at a time, so that their numbers are float32 before the processor's
# caches have evicted them: 16,384 at once take half as long again.
GROUP_RECORDS = 256

# The network is called with at most this many rows: worth a call of their own, and small enough
# for a processor's caches on their way through it. 2,048 rows of 256 float32 are 2 MB.
CHUNK_RECORDS = 2_048

_AMOUNT = FEATURES.index("Amount")
_LOWEST = np.array([BOUNDS[name].low for name in FEATURES])
_HIGHEST = np.array([BOUNDS[name].high for name in FEATURES])
_numbers: Callable[[Transaction], tuple[float, ...]] = attrgetter(*FEATURES)


@dataclass(frozen=True, slots=True)
class Rejection:
    """A record that is not a valid transaction, and why."""

    record: InputRecord
    error: PayloadError


@dataclass(frozen=True, slots=True)
class Batch:
    """Decoded records: the accepted ones row by row, and the rejections.

    Attributes:
        ids: of n accepted transactions.
        features: float32 [n, 30], in the order the network was trained on.
        amounts: float64 [n], the money.
        event_times: float64 [n], the records' Kafka timestamps, seconds since the epoch.
        rejected: for each record, accepted or not, whether it was rejected, bool [records].
        rejections: the rejected records, in the order of reading.
    """

    ids: list[str]
    features: NDArray[np.float32]
    amounts: NDArray[np.float64]
    event_times: NDArray[np.float64]
    rejected: NDArray[np.bool_]
    rejections: list[Rejection]

    @property
    def reasons(self) -> list[Reason]:
        """Why each rejected record was rejected."""
        return [rejection.error.reason for rejection in self.rejections]


class Decoder:
    """Decodes and validates records: a bad one costs itself, never its batch.

    Args:
        feature_names: in the order the network was trained on.
    """

    def __init__(self, feature_names: Sequence[str]) -> None:
        self._order = [FEATURES.index(name) for name in feature_names]

    def chunks(self, records: Sequence[InputRecord]) -> Iterator[Batch]:
        """Yield the decoded records, `CHUNK_RECORDS` at a time and in their order.

        Each chunk can be scored while the next one is decoded. No records are one empty chunk.
        """
        for start in range(0, len(records) or 1, CHUNK_RECORDS):
            yield self._chunk(records[start : start + CHUNK_RECORDS])

    def decode(self, records: Sequence[InputRecord]) -> Batch:
        """Return all the decoded records as one batch."""
        return concatenate(list(self.chunks(records)))

    def _chunk(self, records: Sequence[InputRecord]) -> Batch:
        ids: list[str] = []
        features = np.empty((len(records), len(self._order)), np.float32)
        amounts = np.empty(len(records), np.float64)
        timestamps: list[int] = []
        rejected = np.zeros(len(records), np.bool_)
        rejections: list[Rejection] = []
        for start in range(0, len(records), GROUP_RECORDS):
            some = records[start : start + GROUP_RECORDS]
            group = _together(some) or _one_by_one(some, rejected[start:], rejections)
            rows = slice(len(ids), len(ids) + len(group.ids))
            features[rows] = group.numbers[:, self._order]
            amounts[rows] = group.numbers[:, _AMOUNT]
            ids += group.ids
            timestamps += group.timestamps
        return Batch(
            ids,
            features[: len(ids)],
            amounts[: len(ids)],
            np.array(timestamps, dtype=np.float64) / 1000.0,
            rejected,
            rejections,
        )


def concatenate(batches: Sequence[Batch]) -> Batch:
    """Return batches, at least one, as one."""
    if len(batches) == 1:
        return batches[0]
    return Batch(
        [*chain.from_iterable(batch.ids for batch in batches)],
        np.concatenate([batch.features for batch in batches]),
        np.concatenate([batch.amounts for batch in batches]),
        np.concatenate([batch.event_times for batch in batches]),
        np.concatenate([batch.rejected for batch in batches]),
        [*chain.from_iterable(batch.rejections for batch in batches)],
    )


@dataclass(frozen=True, slots=True)
class _Group:
    """The accepted records of a group, row by row.

    Attributes:
        ids: of n transactions.
        numbers: float64 [n, 30], in the order of `FEATURES`.
        timestamps: of their records, milliseconds since the epoch.
    """

    ids: list[str]
    numbers: NDArray[np.float64]
    timestamps: list[int]


def _together(records: Sequence[InputRecord]) -> _Group | None:
    """Decode records of one encoding in one pass; None if they are mixed or any is unusual."""
    compact = sum(is_compact(record.headers()) for record in records)
    if compact not in (0, len(records)):
        return None
    payloads = [record.value() or b"" for record in records]
    decoded = _compact_together(payloads) if compact else _json_together(payloads)
    if decoded is None:
        return None
    return _Group(*decoded, [record.timestamp()[1] for record in records])


def _json_together(payloads: list[bytes]) -> tuple[list[str], NDArray[np.float64]] | None:
    """Return ids and numbers of JSON values; None if any is unusual."""
    transactions = decode_usual(payloads)
    return None if transactions is None else (_ids(transactions), as_numbers(transactions))


def _compact_together(payloads: list[bytes]) -> tuple[list[str], NDArray[np.float64]] | None:
    """Return ids and numbers of compact values; None if any is rejected."""
    try:
        numbers = np.frombuffer(
            b"".join([payload[:NUMBERS_BYTES] for payload in payloads]), NUMBER
        ).reshape(len(payloads), len(FEATURES))
        ids = b"\n".join([payload[NUMBERS_BYTES:] for payload in payloads]).decode().split("\n")
    except ValueError:  # too short, or not UTF-8
        return None
    # A newline in an id makes more ids than records, and they cannot be assigned any more.
    if len(ids) != len(payloads) or not _are_valid(ids, numbers):
        return None
    return ids, numbers


def _are_valid(ids: list[str], numbers: NDArray[np.float64]) -> bool:
    """Return whether all values are within the bounds of `Transaction`; NaN is within none."""
    lengths = [len(transaction_id) for transaction_id in ids]
    return bool(
        ID_LENGTHS.low <= min(lengths)
        and max(lengths) <= ID_LENGTHS.high
        and (numbers.min(axis=0) >= _LOWEST).all()
        and (numbers.max(axis=0) <= _HIGHEST).all()
    )


def _one_by_one(
    records: Sequence[InputRecord], rejected: NDArray[np.bool_], rejections: list[Rejection]
) -> _Group:
    """Return the accepted records; mark the others and append them to the rejections."""
    transactions: list[Transaction] = []
    timestamps: list[int] = []
    for row, record in enumerate(records):
        try:
            transactions.append(decode_transaction(record.value(), record.headers()))
        except PayloadError as error:
            rejected[row] = True
            rejections.append(Rejection(record, error))
        else:
            timestamps.append(record.timestamp()[1])
    return _Group(_ids(transactions), as_numbers(transactions), timestamps)


def _ids(transactions: Sequence[Transaction]) -> list[str]:
    return [transaction.transaction_id for transaction in transactions]


def as_numbers(transactions: Sequence[Transaction]) -> NDArray[np.float64]:
    """Return the numbers of n transactions, float64 [n, 30], in the order of `FEATURES`."""
    rows = chain.from_iterable(map(_numbers, transactions))
    shape = (len(transactions), len(FEATURES))
    return np.fromiter(rows, np.float64, shape[0] * shape[1]).reshape(shape)
