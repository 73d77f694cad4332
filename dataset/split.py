"""Split transactions by time, as life does: learn from the earlier, be judged on the later."""

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

LATER_SHARES = (0.6, 0.4, 0.2)
"""Of transactions after those that each fold learns from."""


def later(
    frame: "pd.DataFrame", share: float, weights: NDArray[np.float64] | None = None
) -> tuple["pd.DataFrame", "pd.DataFrame"]:
    """Return the earlier rows and the last `share` of them, both in file order.

    Rows keep their index, so it still names the source row. The later part has
    `round(share * rows)` rows; with weights, as many as stand for that share of the transactions.
    Neither part is empty.

    Args:
        frame: rows in the order of time, as `dataset.reader.read` gives them; at least two.
        share: 0 < share < 1.
        weights: how many transactions each row stands for, [rows]; None for one each.

    Raises:
        ValueError: the share is not between 0 and 1, or there are fewer than two rows.
    """
    kept = boundary(len(frame), share, weights)
    return frame.iloc[:kept], frame.iloc[kept:]


def boundary(rows: int, share: float, weights: NDArray[np.float64] | None = None) -> int:
    """Return the number of rows before the last `share` of them; arguments as for `later`."""
    if not 0 < share < 1:
        raise ValueError(f"The later rows' share must lie between 0 and 1 and is {share}.")
    if rows < 2:  # noqa: PLR2004 - one row for each part
        raise ValueError(f"{rows} rows cannot be split into two parts.")
    if weights is None:
        kept = rows - round(share * rows)
    else:
        before = np.cumsum(weights) - weights / 2  # a row belongs where its middle lies
        kept = int(np.searchsorted(before, (1 - share) * weights.sum()))
    return min(max(kept, 1), rows - 1)


def folds(
    frame: "pd.DataFrame", weights: NDArray[np.float64] | None = None
) -> list[tuple["pd.DataFrame", "pd.DataFrame"]]:
    """Return folds that move on in time: what is learned from, and the next fifth, which judges.

    The first 40, 60 and 80 % of the transactions are learned from. No row judges twice, and the
    last fold is `later(frame, 0.2, weights)`.

    Args:
        frame: rows in the order of time, as `dataset.reader.read` gives them.
        weights: how many transactions each row stands for, [rows]; None for one each.

    Raises:
        ValueError: a part would be empty.
    """
    begins = [len(later(frame, share, weights)[0]) for share in LATER_SHARES]
    parts = [
        (frame.iloc[:begin], frame.iloc[begin:end])
        for begin, end in pairwise([*begins, len(frame)])
    ]
    if any(judging.empty for _, judging in parts):
        raise ValueError(f"{len(frame)} rows cannot be split into {len(parts)} folds.")
    return parts
