"""Read creditcard.csv: fast if the file is valid, with the exact position of a defect if not.

Accepted, because copies of the file contain them: quoted header and values, numbers such as
`1e+05`, exact duplicate rows (kept: they are separate transactions), any order of columns, extra
columns (ignored), blank lines, a byte order mark, any line ending.

Rejected, with one sentence that names file, line and column: a missing or repeated column, a line
with too few or too many values, an empty cell, a number that is not finite, a Class other than 0
and 1, a negative Time or Amount, and a Time smaller than the previous one. Order is required
because the replay paces itself by the gaps in Time, and because a split into earlier and later
rows must not leak. Lines count as in an editor: the header is line 1.
"""

import csv
import hashlib
import io
import math
import warnings
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING

from dataset.archive import opened, readable
from dataset.columns import COLUMNS
from dataset.errors import ReadError

if TYPE_CHECKING:
    import pandas as pd


def read(path: Path, *, limit: int | None = None) -> "pd.DataFrame":
    """Read the transactions of a file, plain, gzipped or zipped (detected from the content).

    Args:
        path: the file.
        limit: maximum number of rows to read; later defects are not detected.

    Returns:
        A frame of exactly `COLUMNS` in that order, float64 (every digit of the file kept), Class
        int8. Rows are in file order; the index counts them from 0.

    Raises:
        FileMissingError: the file does not exist.
        ReadError: the file is empty, unreadable or a broken archive, or has one of the defects
            listed in the module's docstring.
    """
    with opened(path) as file:
        _header(path, file)
    try:
        with opened(path) as file:
            frame = _parsed(file, limit)
    except (ValueError, Warning) as error:  # ParserError and UnicodeDecodeError are ValueErrors
        raise _defect(path, limit, str(error)) from None
    if not _valid(frame):
        raise _defect(path, limit, "a value is out of range")
    if frame.empty and limit != 0:
        raise ReadError(f"{path} has a header and no transactions.")
    frame["Class"] = frame["Class"].astype("int8")
    return frame


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes as 64 hexadecimal digits.

    Raises:
        ReadError: the file cannot be read.
    """
    with readable(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _parsed(file: IO[bytes], limit: int | None) -> "pd.DataFrame":
    """Parse our columns as float64; ValueError or Warning if pandas cannot."""
    import pandas as pd

    with warnings.catch_warnings():
        warnings.simplefilter("error")  # pandas only warns of a first line longer than the header
        # Older versions of pandas that we allow lose a last digit without `float_precision`;
        # pandas 3.1 is exact by default and warns that the argument is superfluous.
        warnings.filterwarnings("ignore", message=".*float_precision")
        frame = pd.read_csv(
            file,
            dtype=dict.fromkeys(COLUMNS, "float64"),
            nrows=limit,
            index_col=False,
            float_precision="round_trip",
            low_memory=False,
        )
    return frame[list(COLUMNS)]


def _valid(frame: "pd.DataFrame") -> bool:
    """Return whether every value is in its column's range."""
    import numpy as np

    time, amount, label = (frame[name].to_numpy() for name in ("Time", "Amount", "Class"))
    return bool(
        np.isfinite(frame.to_numpy()).all()
        and (time >= 0).all()
        and (amount >= 0).all()
        and ((label == 0) | (label == 1)).all()
        and (np.diff(time) >= 0).all()
    )


def _header(path: Path, file: IO[bytes]) -> list[str]:
    """Return the file's column names, after checking that each of ours is there once."""
    line = file.readline(65_536)  # 31 names take 153 bytes; the limit is for binary files
    try:
        text = line.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise ReadError(f"{path} is not a CSV file: its first line is not text.")
    names = next(csv.reader(text.splitlines()), [])
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        hint = " Values must be separated by commas." if len(names) == 1 else ""
        raise ReadError(
            f"{path}, line 1: the header lacks {_listed('column', missing)}; it must name Time, "
            f"V1 to V28, Amount and Class.{hint}"
        )
    twice = [name for name in COLUMNS if names.count(name) > 1]
    if twice:
        raise ReadError(f"{path}, line 1: the header names {_listed('column', twice)} twice.")
    return names


def _listed(noun: str, names: list[str], most: int = 5) -> str:
    shown = ", ".join(names[:most])
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"the {noun}{'s' if len(names) > 1 else ''} {shown}{more}"


def _defect(path: Path, limit: int | None, reason: str) -> ReadError:
    """Return the error for the first defective line, found by a slow scan cell by cell."""
    with opened(path) as file:
        names = _header(path, file)
        text = io.TextIOWrapper(file, encoding="utf-8", errors="surrogateescape", newline="")
        lines = csv.reader(text)
        try:
            rows = (row for row in lines if row)
            for defect in _defects(names, islice(rows, limit)):
                return ReadError(f"{path}, line {lines.line_num + 1}{defect}")
        except csv.Error as error:
            return ReadError(f"{path}, line {lines.line_num + 1}: not a CSV line ({error}).")
    return ReadError(f"{path} cannot be read as CSV: {reason}.")


def _defects(names: list[str], rows: Iterator[list[str]]) -> Iterator[str]:
    """Yield a description of each defect; the caller adds the line number."""
    positions = [(name, names.index(name)) for name in COLUMNS]
    previous = 0.0
    for row in rows:
        if len(row) != len(names):
            yield f": {len(row)} values where the header names {len(names)} columns."
            continue
        for name, position in positions:
            defect = _cell_defect(name, row[position])
            if defect:
                yield f", column {name}: {defect}"
                break
        else:
            time = float(row[names.index("Time")])
            if time < previous:
                yield (
                    f", column Time: it goes back from {previous:g} to {time:g}; rows must be "
                    "sorted by Time."
                )
            previous = time


def _cell_defect(name: str, cell: str) -> str | None:
    """Return a description of a cell's defect, None if it is valid."""
    shown = ascii(cell[:40])
    if not cell.strip():
        return "the cell is empty."
    try:
        number = float("no" if "_" in cell else cell)  # Python accepts 1_000, pandas does not
    except ValueError:
        return f"{shown} is not a number."
    if not math.isfinite(number):
        return f"{shown} is not a finite number."
    allowed = _ALLOWED.get(name)
    return None if allowed is None or allowed[0](number) else f"{shown} {allowed[1]}."


_ALLOWED: dict[str, tuple[Callable[[float], bool], str]] = {
    "Time": (lambda time: time >= 0, "is negative"),
    "Amount": (lambda amount: amount >= 0, "is negative"),
    "Class": (lambda label: label in {0.0, 1.0}, "is neither 0 nor 1"),
}
