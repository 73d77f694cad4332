"""Row weights: the number of transactions that each row of a file represents.

A sample of creditcard.csv with every fraud and only some legitimate rows overstates fraud. With
row weights, metrics that depend on the share of frauds (losses, precision, average precision,
thresholds, alerts per day) estimate those of the whole file.
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
    """Read the weights of a file's rows, float64 [rows], each above 0.

    Args:
        path: CSV file with a column `weight`, plain, gzipped or zipped; other columns are ignored.
        rows: number of rows in the data that the weights belong to.

    Raises:
        ReadError: the file cannot be read, lacks the column, does not have one line for each row,
            or a weight is not a finite number above 0.
    """
    texts = _texts(path)
    if len(texts) != rows:
        raise ReadError(
            f"{path} has {len(texts):,} weights and the data {rows:,} rows; it must have one line "
            "for each row."
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
    """Return the column as a Series of strings."""
    import pandas as pd

    with opened(path) as file, warnings.catch_warnings():
        warnings.simplefilter("error")  # pandas only warns of lines longer than the header
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
