"""Detect how a copy of creditcard.csv is written: encoding, separator, decimal mark, header.

Only what a file states unmistakably is detected. A byte order mark or a NUL in every second byte
gives the encoding, the header gives the separator, and V1 to V28, whose values are too small for a
thousands separator, give the decimal mark.
"""

import codecs
import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from dataset.archive import opened
from dataset.columns import COLUMNS
from dataset.errors import ReadError

SEPARATORS = ",;\t|"
LONGEST_LINE = 65_536
"""Characters; 31 names take 153, and the limit is for binary files."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SAMPLE = 64
"""Bytes that show UTF-16 without a byte order mark; the names Time to V9 alone take more."""


@dataclass(frozen=True)
class Dialect:
    """How a file is written.

    Attributes:
        encoding: Python's name of it.
        skipped: lines before the header: blank ones, comments, Excel's `sep=,`.
        separator: of the values in a line.
        decimal: the decimal mark, "." or ",".
        names: the header's, as they are in the file.
        positions: of each of `COLUMNS` in a line.
    """

    encoding: str
    skipped: int
    separator: str
    decimal: str
    names: tuple[str, ...]
    positions: tuple[int, ...]


def detect(path: Path) -> Dialect:
    """Return the file's dialect, after checking that each of our columns is there once.

    Raises:
        ReadError: as `opened`; or the file is no text, has no header, or a column is missing or
            repeated.
    """
    with opened(path) as file:
        encoding = _encoding(file)
        text = io.TextIOWrapper(file, encoding=encoding, newline="")
        try:
            skipped, header = _header(text)
            row = next((line for line in text if line.strip()), "")
        except UnicodeError:
            skipped, header, row = 0, "\0", ""
        finally:
            text.detach()  # `opened` closes the file
    if "\0" in header:
        raise ReadError(f"{path} is not a CSV file: its first line is not text.")
    separator = _separator(header)
    names = tuple(_split(header, separator))
    positions = _positions(f"{path}, line {skipped + 1}", names)
    decimal = _decimal(_split(row, separator), positions)
    return Dialect(encoding, skipped, separator, decimal, names, positions)


@contextmanager
def opened_as(path: Path, dialect: Dialect, *, errors: str = "strict") -> Iterator[IO[str]]:
    """Open a file as text at its header.

    Args:
        path: the file.
        dialect: from `detect`.
        errors: what happens to bytes that cannot be decoded, as for `codecs`.
    """
    with opened(path) as file:
        text = io.TextIOWrapper(file, encoding=dialect.encoding, errors=errors, newline="")
        try:
            for _line in range(dialect.skipped):
                text.readline()
            yield text
        finally:
            text.detach()


def _encoding(file: IO[bytes]) -> str:
    """Return the encoding; the file stays at its beginning."""
    start = file.read(_SAMPLE)
    file.seek(0)
    for mark, name in _MARKS:
        if start.startswith(mark):
            return name
    even, odd = start[::2], start[1::2]
    if len(start) == _SAMPLE and not any(odd) and all(even):
        return "utf-16-le"
    if len(start) == _SAMPLE and not any(even) and all(odd):
        return "utf-16-be"
    return "utf-8"


def _header(text: IO[str]) -> tuple[int, str]:
    """Return the number of lines before the header, and the header."""
    skipped = 0
    while line := text.readline(LONGEST_LINE):
        if line.strip() and not line.startswith(("#", "sep=")):
            break
        skipped += 1
    return skipped, line


def _separator(header: str) -> str:
    """Return the separator that yields the most of our columns, a comma if none does."""

    def ours(separator: str) -> int:
        names = {_normal(name) for name in _split(header, separator)}
        return sum(_normal(name) in names for name in COLUMNS)

    return max(SEPARATORS, key=ours)


def _positions(where: str, names: tuple[str, ...]) -> tuple[int, ...]:
    """Return the position of each of our columns; case and blanks matter only between namesakes."""
    normal = [_normal(name) for name in names]
    places = {
        ours: [i for i, name in enumerate(names) if name == ours]
        or [i for i, name in enumerate(normal) if name == _normal(ours)]
        for ours in COLUMNS
    }
    missing = [name for name in COLUMNS if not places[name]]
    if missing:
        if all(map(_is_number, names)):
            raise ReadError(
                f"{where}: values where the header should be; the first line must name the columns."
            )
        raise ReadError(
            f"{where}: the header lacks {_listed('column', missing)}; it must name Time, V1 to "
            f"V28, Amount and Class.{_reason(normal)}"
        )
    twice = [name for name in COLUMNS if len(places[name]) > 1]
    if twice:
        raise ReadError(f"{where}: the header names {_listed('column', twice)} twice.")
    return tuple(position for (position,) in places.values())


def _reason(normal: list[str]) -> str:
    """Return why a well-known file lacks columns, as a sentence after a blank; "" for others."""
    if normal[:1] == ["id"] and "v1" in normal:
        return " This is the data set of 2023, another one, whose rows have no time."
    if "scaled_amount" in normal or "scaled_time" in normal:
        return " Its values were scaled; use the file from before that."
    if normal and normal[0].startswith("@relation"):
        return " This is an ARFF file; convert it to CSV."
    if len(normal) == 1:
        return " Values must be separated by commas, semicolons, tabs or vertical bars."
    return ""


def _decimal(row: list[str], positions: tuple[int, ...]) -> str:
    """Return the decimal mark that V1 to V28 have in the first row."""
    cells = "".join(row[position] for position in positions[1:29] if position < len(row))
    return "," if "," in cells and "." not in cells else "."


def _split(line: str, separator: str) -> list[str]:
    try:
        return next(csv.reader([line.rstrip("\r\n")], delimiter=separator), [])
    except csv.Error:
        return []


def _normal(name: str) -> str:
    return name.strip().lower()


def _is_number(cell: str) -> bool:
    try:
        float(cell.replace(",", "."))
    except ValueError:
        return False
    return True


def _listed(noun: str, names: list[str], most: int = 5) -> str:
    shown = ", ".join(names[:most])
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"the {noun}{'s' if len(names) > 1 else ''} {shown}{more}"
