"""How many transactions each row of a file stands for.

A sample of creditcard.csv that keeps every fraud and only some legitimate rows has too many frauds
in it. With a weight for each row, everything that depends on how rare fraud is (losses, precision,
average precision, thresholds, alerts a day) is what it would be on the whole.
"""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataset.archive import opened
from dataset.errors import ReadError

COLUMN = "weight"


def read_weights(path: Path, rows: int) -> NDArray[np.float64]:
    """Return the weights of a file's rows, float64 [rows], each above 0.

    Args:
        path: a CSV file with a column `weight`, plain, gzipped or zipped; others are ignored.
        rows: of the data that the weights belong to.

    Raises:
        ReadError: the file cannot be read, has no such column, has not one line for each row, or
            a weight is not a finite number above 0.
    """
    texts = _texts(path)
    if len(texts) != rows:
        raise ReadError(
            f"{path} has {len(texts):,} weights and the data {rows:,} rows; there must be one "
            "line for each row."
        )
    numbers = _numbers(texts)
    wrong = np.flatnonzero(~(np.isfinite(numbers) & (numbers > 0)))
    if len(wrong):
        raise ReadError(
            f"{path}, line {wrong[0] + 2}, column {COLUMN}: {str(texts.iloc[wrong[0]])[:40]!r} is "
            "not a finite number above 0."
        )
    return numbers


def _texts(path: Path) -> Any:
    """Return the column, as a Series of texts."""
    import pandas as pd

    with opened(path) as file, warnings.catch_warnings():
        warnings.simplefilter("error")  # lines longer than the header only warn
        try:
            table = pd.read_csv(file, dtype=str, keep_default_na=False, index_col=False)
        except (ValueError, Warning) as error:  # ParserError, UnicodeDecodeError: ValueErrors
            raise ReadError(f"{path} cannot be read as CSV: {str(error).rstrip('.')}.") from None
    if COLUMN not in table:
        raise ReadError(f"{path}, line 1: the header lacks the column {COLUMN}.")
    return table[COLUMN]


def _numbers(texts: Any) -> NDArray[np.float64]:
    import pandas as pd

    return np.asarray(pd.to_numeric(texts, errors="coerce"), np.float64)
