"""From raw records to the network's input; a record that is not valid becomes a rejection."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, compress
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from consumer.detector.protocols import InputRecord
from events.codec import decode_transaction
from events.compact import is_compact
from events.errors import PayloadError, Reason
from events.messages import FEATURES, Transaction
from events.native.library import DecodeUsual, usual_decoder

# The network is called with at most this many rows: worth a call of their own, and small enough
# for a processor's caches on their way through it. 2,048 rows of 256 float32 are 2 MB.
CHUNK_RECORDS = 2_048

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
        decode_usual: decodes most records, many at a time; None for the fastest that there is.
    """

    def __init__(
        self, feature_names: Sequence[str], decode_usual: DecodeUsual | None = None
    ) -> None:
        order = [FEATURES.index(name) for name in feature_names]
        self._columns = slice(None) if tuple(feature_names) == FEATURES else order
        self._decode_usual = decode_usual or usual_decoder()

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
        values = [record.value() or b"" for record in records]
        columns = self._decode_usual(values, [is_compact(record.headers()) for record in records])
        ids, features, amounts = columns.ids, columns.features, columns.amounts
        timestamps = np.array([record.timestamp()[1] for record in records], np.float64)
        rejected = np.zeros(len(records), np.bool_)
        rejections: list[Rejection] = []
        for row in np.flatnonzero(~columns.usual).tolist():
            try:
                transaction = decode_transaction(values[row], records[row].headers())
            except PayloadError as error:
                rejected[row] = True
                rejections.append(Rejection(records[row], error))
            else:
                ids[row] = transaction.transaction_id
                features[row] = _numbers(transaction)
                amounts[row] = transaction.Amount
        if rejections:
            kept = ~rejected
            ids = list(compress(ids, kept))
            features, amounts, timestamps = features[kept], amounts[kept], timestamps[kept]
        return Batch(
            ids, features[:, self._columns], amounts, timestamps / 1000.0, rejected, rejections
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
