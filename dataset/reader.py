"""Read creditcard.csv: fast if the file is valid, with the exact position of a defect if not.

Accepted, because copies of the file contain them: values separated by commas, semicolons, tabs or
vertical bars; a decimal comma, if V1 to V28 have it too; quoted header and values; numbers such as
`1e+05`; a Class of `'0'` (OpenML), 0.0 or False; exact duplicate rows (kept: they are separate
transactions); any order of columns, extra columns (ignored), names in any case and with blanks
around them; blank lines, comments and Excel's `sep=,` before the header; UTF-8 or UTF-16, a byte
order mark, any line ending.

Rejected, with one sentence that names file, line and column: a missing or repeated column, a line
with too few or too many values, an empty cell, a number that is not finite, a Class other than 0
and 1, a negative Time or Amount, a Time of more than a year (milliseconds, or a date), and a Time
smaller than the previous one. Order is required because the replay paces itself by the gaps in
Time, and because a split into earlier and later rows must not leak. Lines count as in an editor:
the file begins with line 1.
"""

import csv
import hashlib
import math
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING

from dataset.archive import readable
from dataset.columns import COLUMNS
from dataset.dialect import Dialect, detect, opened_as
from dataset.errors import ReadError

if TYPE_CHECKING:
    import pandas as pd

YEAR_SECONDS = 366 * 86_400
"""Largest Time. Nobody has a longer copy of this stream of two days, while the same two days in
milliseconds are 5.5 years."""

LABELS = {"false": "0", "true": "1"}
"""Values of Class besides numbers, in lower case."""


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
    dialect = detect(path)
    try:
        with opened_as(path, dialect) as file:
            frame = _parsed(file, dialect, limit)
    except (ValueError, Warning) as error:  # ParserError and UnicodeDecodeError are ValueErrors
        raise _defect(path, dialect, limit, str(error)) from None
    if not _valid(frame):
        raise _defect(path, dialect, limit, "a value is out of range")
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


def _parsed(file: IO[str], dialect: Dialect, limit: int | None) -> "pd.DataFrame":
    """Parse our columns as float64; ValueError or Warning if pandas cannot."""
    import pandas as pd

    names = [dialect.names[position] for position in dialect.positions]
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # pandas only warns of a first line longer than the header
        # Older versions of pandas that we allow lose a last digit without `float_precision`;
        # pandas 3.1 is exact by default and warns that the argument is superfluous.
        warnings.filterwarnings("ignore", message=".*float_precision")
        frame = pd.read_csv(
            file,
            sep=dialect.separator,
            decimal=dialect.decimal,
            # A category has few values, which `_number` converts.
            dtype=dict.fromkeys(names, "float64") | {names[-1]: "category"},
            nrows=limit,
            index_col=False,
            float_precision="round_trip",
            low_memory=False,
        )[names].set_axis(COLUMNS, axis="columns")
    if frame["Class"].hasnans:
        raise ValueError("a Class is missing")
    labels = {
        label: _number("Class", str(label), dialect.decimal)  # str: pandas makes numbers of some
        for label in frame["Class"].cat.categories
    }
    return frame.assign(Class=frame["Class"].map(labels).astype("float64"))


def _valid(frame: "pd.DataFrame") -> bool:
    """Return whether every value is in its column's range."""
    import numpy as np

    time, amount, label = (frame[name].to_numpy() for name in ("Time", "Amount", "Class"))
    return bool(
        np.isfinite(frame.to_numpy()).all()
        and ((time >= 0) & (time <= YEAR_SECONDS)).all()
        and (amount >= 0).all()
        and ((label == 0) | (label == 1)).all()
        and (np.diff(time) >= 0).all()
    )


def _defect(path: Path, dialect: Dialect, limit: int | None, reason: str) -> ReadError:
    """Return the error for the first defective line, found by a slow scan cell by cell."""
    with opened_as(path, dialect, errors="replace") as text:
        lines = csv.reader(text, delimiter=dialect.separator)
        try:
            next(lines)
            rows = ((dialect.skipped + lines.line_num, row) for row in lines if row)
            for defect in _defects(dialect, islice(rows, limit)):
                return ReadError(f"{path}, line {defect}")
        except csv.Error as error:
            line = dialect.skipped + lines.line_num
            return ReadError(f"{path}, line {line}: not a CSV line ({error}).")
    return ReadError(f"{path} cannot be read as CSV: {reason}.")


def _defects(dialect: Dialect, rows: Iterator[tuple[int, list[str]]]) -> Iterator[str]:
    """Yield the line and a description of each defect; the rows come with their lines."""
    columns = list(zip(COLUMNS, dialect.positions, strict=True))
    previous = 0.0
    for line, row in rows:
        if row == ["\x1a"]:
            yield f"{line}: a Ctrl-Z, which DOS put at the end of a file; delete this line."
        if len(row) != len(dialect.names):
            last = next(rows, None) is None
            yield (
                f"{line}: {len(row)} values where the header names {len(dialect.names)} columns"
                f"{'; the file ends in this line and may be cut off' if last else ''}."
            )
            continue
        for name, position in columns:
            defect = _cell_defect(name, row[position], dialect.decimal)
            if defect:
                yield f"{line}, column {name}: {defect}"
                break
        else:
            time = _number("Time", row[dialect.positions[0]], dialect.decimal)
            if time < previous:
                yield (
                    f"{line}, column Time: it goes back from {previous:g} to {time:g}; rows must "
                    "be sorted by Time."
                )
            previous = time


def _number(name: str, cell: str, decimal: str) -> float:
    """Return a cell's number; ValueError if it is none."""
    text = cell.strip()
    if name == "Class":
        # OpenML writes '0', as ARFF does for a nominal value.
        text = text.removeprefix("'").removesuffix("'")
        text = LABELS.get(text.lower(), text)
    if decimal == ",":
        text = "no" if "." in text else text.replace(",", ".")
    return float("no" if "_" in text else text)  # Python accepts 1_000, pandas does not


def _cell_defect(name: str, cell: str, decimal: str) -> str | None:
    """Return a description of a cell's defect, None if it is valid."""
    shown = ascii(cell[:40])
    if not cell.strip():
        return "the cell is empty."
    try:
        number = _number(name, cell, decimal)
    except ValueError:
        return f"{shown} is {'neither 0 nor 1' if name == 'Class' else 'not a number'}."
    if not math.isfinite(number):
        return f"{shown} is not a finite number."
    return next(
        (f"{shown} {text}" for defective, text in _DEFECTS[name] if defective(number)), None
    )


_DEFECTS: defaultdict[str, list[tuple[Callable[[float], bool], str]]] = defaultdict(
    list,
    Time=[
        (lambda time: time < 0, "is negative."),
        (
            lambda time: time > YEAR_SECONDS,
            "is more than a year; Time counts seconds from the first transaction.",
        ),
    ],
    Amount=[(lambda amount: amount < 0, "is negative.")],
    Class=[(lambda label: label not in {0.0, 1.0}, "is neither 0 nor 1.")],
)
