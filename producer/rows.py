"""The source rows as one stream: their ids, their places on the stream's clock, pass after pass."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from events.messages import FEATURES, Label, Transaction

if TYPE_CHECKING:
    import pandas as pd

# A frame as lists of Python floats takes 1 KB a row: whole, the file would take 300 MB.
CHUNK_ROWS = 1_000

# `Time` counts whole seconds, so the smallest step of the stream's clock lies between two passes.
SECONDS_BETWEEN_PASSES = 1.0


class Row(NamedTuple):
    """One row on its way.

    Attributes:
        transaction: what is sent.
        label: 1 for fraud, 0 for legitimate.
        stream_seconds: its `Time` as seconds after the first row's, going on over all passes.
    """

    transaction: Transaction
    label: int
    stream_seconds: float

    def label_message(self, event_time_ms: int) -> Label:
        """Return what tells the label, given when the transaction happened."""
        return Label(
            self.transaction.transaction_id,
            event_time_ms,
            self.transaction.Amount,
            1 if self.label else 0,
        )


def transaction_id(source_row: int, number: int = 1) -> str:
    """Return the id of a source row: "row-0000041", from the second pass on "row-0000041-pass-2".

    Args:
        source_row: counted from 0 in the file.
        number: the pass over the file, counted from 1.
    """
    name = f"row-{source_row:07d}"
    return name if number == 1 else f"{name}-pass-{number}"


def rows(frame: "pd.DataFrame", *, loop: bool) -> Iterator[Row]:
    """Give the frame's rows in order, once or for ever.

    A transaction keeps its row's `Time` in every pass: it is an input of the model, and the stream
    goes on by its event times.

    Args:
        frame: columns Time, V1 to V28, Amount and Class, in order of Time; the index is the row's
            number in the file.
        loop: begin again after the last row.
    """
    features = frame[list(FEATURES)].to_numpy(dtype="float64")
    labels = frame["Class"].to_numpy(dtype="int64")
    sources = frame.index.to_numpy()
    first = float(features[0, 0])
    length = float(features[-1, 0]) - first + SECONDS_BETWEEN_PASSES
    number = 1
    while True:
        shift = (number - 1) * length - first
        for start in range(0, len(features), CHUNK_ROWS):
            chunk = slice(start, start + CHUNK_ROWS)
            for source, values, label in zip(
                sources[chunk].tolist(),
                features[chunk].tolist(),
                labels[chunk].tolist(),
                strict=True,
            ):
                transaction = Transaction(transaction_id(source, number), *values)
                yield Row(transaction, label, values[0] + shift)
        if not loop:
            return
        number += 1
