"""The source rows as one stream over all passes: ids and stream time."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from events.messages import FEATURES, Label, Transaction

if TYPE_CHECKING:
    import pandas as pd

# A frame as lists of Python floats takes 1 KB a row: whole, the file would take 300 MB.
CHUNK_ROWS = 1_000

# `Time` counts whole seconds, so this is the smallest step of the stream's clock.
SECONDS_BETWEEN_PASSES = 1.0


class Row(NamedTuple):
    """One row of the stream.

    Attributes:
        transaction: the message to send.
        label: 1 for fraud, 0 for legitimate.
        stream_seconds: its `Time` as seconds after the first row's, increasing over all passes.
    """

    transaction: Transaction
    label: int
    stream_seconds: float

    def label_message(self, event_time_ms: int) -> Label:
        """Return the label's message.

        Args:
            event_time_ms: time of the transaction, milliseconds since the epoch.
        """
        return Label(
            self.transaction.transaction_id,
            event_time_ms,
            self.transaction.Amount,
            1 if self.label else 0,
        )


def transaction_id(source_row: int, pass_number: int = 1) -> str:
    """Return the id of a source row: "row-0000041", from the second pass on "row-0000041-pass-2".

    Args:
        source_row: counted from 0 in the file.
        pass_number: the pass over the file, counted from 1.
    """
    name = f"row-{source_row:07d}"
    return name if pass_number == 1 else f"{name}-pass-{pass_number}"


def rows(frame: "pd.DataFrame", *, loop: bool) -> Iterator[Row]:
    """Yield the frame's rows in order, once or endlessly.

    A transaction keeps its row's `Time` in every pass, because it is an input of the model; the
    stream's clock is `Row.stream_seconds`.

    Args:
        frame: columns Time, V1 to V28, Amount and Class, in order of Time; the index is the row's
            number in the file.
        loop: start again after the last row.
    """
    features = frame[list(FEATURES)].to_numpy(dtype="float64")
    labels = frame["Class"].to_numpy(dtype="int64")
    sources = frame.index.to_numpy()
    first = float(features[0, 0])
    length = float(features[-1, 0]) - first + SECONDS_BETWEEN_PASSES
    pass_number = 1
    while True:
        shift = (pass_number - 1) * length - first
        for start in range(0, len(features), CHUNK_ROWS):
            chunk = slice(start, start + CHUNK_ROWS)
            for source, values, label in zip(
                sources[chunk].tolist(),
                features[chunk].tolist(),
                labels[chunk].tolist(),
                strict=True,
            ):
                transaction = Transaction(transaction_id(source, pass_number), *values)
                yield Row(transaction, label, values[0] + shift)
        if not loop:
            return
        pass_number += 1
