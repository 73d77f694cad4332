"""Copies of creditcard.csv as they circulate: read if their meaning is certain, else rejected."""

import gzip
import zipfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from dataset.columns import COLUMNS
from dataset.errors import ReadError
from dataset.reader import read

ROWS = [
    ("0", *["-1.5"] * 28, "149.62", "0"),
    ("1", *["0.25"] * 28, "0", "1"),
    ("1", *["3e-05"] * 28, "2.69", "0"),
]
VALUES = [[float(cell) for cell in row] for row in ROWS]


def lines(
    separator: str = ",", cell: Callable[[str], str] = str, label: Callable[[str], str] = str
) -> str:
    """The rows as text; the functions convert a value and a Class."""
    return "".join(separator.join([*map(cell, row[:-1]), label(row[-1])]) + "\n" for row in ROWS)


HEADER = ",".join(COLUMNS) + "\n"
PLAIN = HEADER + lines()


def decimal_comma(cell: str) -> str:
    return cell.replace(".", ",")


READ = {
    "OpenML's nominal Class": HEADER + lines(label="'{}'".format),
    "OpenML's nominal Class, quoted": HEADER + lines(label="\"'{}'\"".format),
    "a Class with a decimal point": HEADER + lines(label="{}.0".format),
    "a Class of truth values": HEADER + lines(label=lambda label: str(label == "1")),
    "names in lower case": HEADER.lower() + lines(),
    "names in upper case": HEADER.upper() + lines(),
    "blanks around names": HEADER.replace(",", ", ") + lines(),
    "blanks around values": HEADER + lines(cell=" {} ".format),
    "a namesake in another case": HEADER.replace("Time", "time,Time")
    + "".join(f"7,{line}" for line in lines().splitlines(keepends=True)),
    "tabs": HEADER.replace(",", "\t") + lines("\t"),
    "semicolons": HEADER.replace(",", ";") + lines(";"),
    "vertical bars": HEADER.replace(",", "|") + lines("|"),
    "semicolons and decimal commas": HEADER.replace(",", ";") + lines(";", decimal_comma),
    "quoted decimal commas": HEADER + lines(cell=lambda cell: f'"{decimal_comma(cell)}"'),
    "blank lines first": "\n\n" + PLAIN,
    "a comment first": "# from the archive, 3 rows\n" + PLAIN,
    "Excel's separator line": "sep=,\n" + PLAIN,
    "UTF-16": b"\xff\xfe" + PLAIN.encode("utf-16-le"),
    "UTF-16, the other byte order": b"\xfe\xff" + PLAIN.encode("utf-16-be"),
    "UTF-16 without a byte order mark": PLAIN.encode("utf-16-le"),
    "gzipped twice": gzip.compress(gzip.compress(PLAIN.encode())),
}


@pytest.mark.parametrize("content", READ.values(), ids=READ)
def test_a_copy_with_a_certain_meaning_is_read(tmp_path: Path, content: str | bytes) -> None:
    path = tmp_path / "copy.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    frame = read(path)
    assert frame.to_numpy().tolist() == VALUES
    pd.testing.assert_series_equal(frame.dtypes, _original(tmp_path).dtypes)


@pytest.mark.parametrize(
    "members",
    [
        ["archive/creditcard.csv", "archive/__MACOSX/._creditcard.csv", "archive/._creditcard.csv"],
        ["creditcard.csv", "__MACOSX/._creditcard.csv", ".DS_Store"],
        ["creditcard", "__MACOSX/._creditcard"],
        ["data/", "data/creditcard.txt"],
        ["LICENSE.txt", "CreditCard.CSV"],
    ],
)
def test_the_table_in_an_archive_is_found(tmp_path: Path, members: list[str]) -> None:
    path = tmp_path / "copy.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in members:
            is_table = "creditcard" in name.lower() and "._" not in name
            archive.writestr(name, PLAIN if is_table else b"\0\5\x16\7")
    assert read(path).to_numpy().tolist() == VALUES


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (HEADER + lines(label=lambda _: "Legit"), "line 2, column Class: 'Legit' is neither 0 nor"),
        (lines(), "line 1: values where the header should be"),
        (HEADER.replace("Time", "id") + lines(), "This is the data set of 2023"),
        (HEADER.replace("Amount", "scaled_amount") + lines(), "Its values were scaled"),
        ("@relation cards\n@data\n" + lines(), "This is an ARFF file"),
        (HEADER.replace("Class", "is_fraud") + lines(), "the header lacks the column Class"),
        (HEADER.replace("V2,", "V2,Class,class,") + lines(), "names the column Class twice"),
        (PLAIN[:-9], "line 4: 29 values where the header names 31 columns; the file ends in"),
        (PLAIN + "\x1a", "line 5: a Ctrl-Z"),
        ("# comment\n\n" + PLAIN.replace("149.62", "NULL"), "line 4, column Amount: 'NULL' is not"),
        (PLAIN.replace("149.62", '"1,149.62"'), "line 2, column Amount: '1,149.62' is not a"),
        (
            HEADER.replace(",", ";") + lines(";", decimal_comma).replace("149,62", "1.149,62"),
            "line 2, column Amount: '1.149,62' is not a number",
        ),
        (PLAIN.replace("\n1,", "\n32000000,"), "line 3, column Time: '32000000' is more than a"),
        (PLAIN.encode("utf-16")[:-1], "line 4, column Class: '0\\ufffd' is neither 0 nor 1"),
    ],
)
def test_another_copy_is_rejected_with_the_reason(
    tmp_path: Path, content: str | bytes, message: str
) -> None:
    path = tmp_path / "copy.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(ReadError) as caught:
        read(path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_device_is_rejected() -> None:
    with pytest.raises(ReadError, match="is a pipe or device"):
        read(Path("/dev/null"))


def _original(folder: Path) -> pd.DataFrame:
    path = folder / "plain.csv"
    path.write_text(PLAIN)
    return read(path)
