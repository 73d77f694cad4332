"""Split transactions by time: train on the earlier rows, evaluate on the later ones."""

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

LATER_SHARES = (0.6, 0.4, 0.2)
"""For each fold, the share of transactions after its training rows."""


def split_by_time(
    frame: "pd.DataFrame", share: float, weights: NDArray[np.float64] | None = None
) -> tuple["pd.DataFrame", "pd.DataFrame"]:
    """Return the earlier rows and the last `share` of the rows, both in file order.

    Rows keep their index, which is the source row. The later part has `round(share * rows)` rows;
    with weights, as many as represent that share of the transactions. Neither part is empty.

    Args:
        frame: rows sorted by Time, as `dataset.reader.read` returns them; at least two.
        share: of the later rows, 0 < share < 1.
        weights: number of transactions that each row represents, [rows]; None for one each.

    Raises:
        ValueError: the share is not between 0 and 1, or there are fewer than two rows.
    """
    kept = boundary(len(frame), share, weights)
    return frame.iloc[:kept], frame.iloc[kept:]


def boundary(rows: int, share: float, weights: NDArray[np.float64] | None = None) -> int:
    """Return the number of rows before the last `share`; arguments as for `split_by_time`."""
    if not 0 < share < 1:
        raise ValueError(f"The share of later rows must be between 0 and 1, not {share}.")
    if rows < 2:  # noqa: PLR2004 - one row for each part
        raise ValueError(f"{rows} rows cannot be split into two parts.")
    if weights is None:
        kept = rows - round(share * rows)
    else:
        before = np.cumsum(weights) - weights / 2  # assigns a row by its midpoint
        kept = int(np.searchsorted(before, (1 - share) * weights.sum()))
    return min(max(kept, 1), rows - 1)


def folds(
    frame: "pd.DataFrame", weights: NDArray[np.float64] | None = None
) -> list[tuple["pd.DataFrame", "pd.DataFrame"]]:
    """Return time series folds: training rows, and the next fifth of the transactions for testing.

    The training rows are the first 40, 60 and 80 % of the transactions. No row is tested twice,
    and the last fold is `split_by_time(frame, 0.2, weights)`.

    Args:
        frame: rows sorted by Time, as `dataset.reader.read` returns them.
        weights: number of transactions that each row represents, [rows]; None for one each.

    Raises:
        ValueError: a part would be empty.
    """
    begins = [len(split_by_time(frame, share, weights)[0]) for share in LATER_SHARES]
    parts = [
        (frame.iloc[:begin], frame.iloc[begin:end])
        for begin, end in pairwise([*begins, len(frame)])
    ]
    if any(test.empty for _, test in parts):
        raise ValueError(f"{len(frame)} rows cannot be split into {len(parts)} folds.")
    return parts
