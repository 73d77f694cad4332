import gzip
import hashlib
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dataset.columns import COLUMNS, FEATURES
from dataset.errors import FileMissingError, ReadError
from dataset.reader import read, sha256


def test_the_columns_are_those_of_the_original() -> None:
    assert len(COLUMNS) == 31
    assert FEATURES[0] == "Time"
    assert FEATURES[1:29] == tuple(f"V{number}" for number in range(1, 29))
    assert COLUMNS[29:] == ("Amount", "Class")


def test_read_returns_columns_types_and_file_order(
    file: Callable[..., Path], line: Callable[..., str]
) -> None:
    frame = read(file(line(), line("1", label='"1"'), line("1e+05", amount="25691.16")))
    assert tuple(frame.columns) == COLUMNS
    assert (frame.dtypes[list(FEATURES)] == "float64").all()
    assert frame.dtypes["Class"] == "int8"
    assert isinstance(frame.index, pd.RangeIndex)
    assert frame["Time"].tolist() == [0, 1, 100_000]
    assert frame["Class"].tolist() == [0, 1, 0]


def test_every_digit_is_kept(file: Callable[..., Path], line: Callable[..., str]) -> None:
    values = [0.0727811733098497, 1e-300, 0.1 + 0.2, 123456.78901234567, -1.3598071336738]
    frame = read(file(*(line(v=repr(value)) for value in values)))
    assert frame["V17"].tolist() == values


def test_duplicate_rows_are_kept(file: Callable[..., Path], line: Callable[..., str]) -> None:
    assert len(read(file(line(), line(), line()))) == 3


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_endings_and_blank_lines_are_accepted(
    file: Callable[..., Path], line: Callable[..., str], end: str
) -> None:
    assert len(read(file(line(), "", line(), "", "", end=end))) == 2


def test_a_byte_order_mark_is_accepted(file: Callable[..., Path], line: Callable[..., str]) -> None:
    path = file(line())
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert len(read(path)) == 1


def test_column_order_and_extra_columns_do_not_matter(
    file: Callable[..., Path], line: Callable[..., str]
) -> None:
    cells = line("7", amount="3", label="1").split(",")
    header = ",".join(["note", *reversed(COLUMNS)])
    frame = read(file(",".join(['"a, ""b"""', *reversed(cells)]), header=header))
    assert tuple(frame.columns) == COLUMNS
    assert frame[["Time", "Amount", "Class"]].to_numpy().tolist() == [[7, 3, 1]]


def test_limit_stops_reading(file: Callable[..., Path], line: Callable[..., str]) -> None:
    path = file(line(), line(), "junk")
    assert len(read(path, limit=2)) == 2
    with pytest.raises(ReadError, match="line 4"):
        read(path)


def test_archives_are_detected_by_content(
    file: Callable[..., Path], line: Callable[..., str], tmp_path: Path
) -> None:
    plain = file(line(), line("3"))
    packed = tmp_path / "no-suffix"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    archive = tmp_path / "creditcard.zip"
    with zipfile.ZipFile(archive, "w") as members:
        members.write(plain, "creditcard.csv")
        members.writestr("__MACOSX/._creditcard.csv", "shadow")
    for path in (packed, archive):
        pd.testing.assert_frame_equal(read(path), read(plain))


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ({"v": "abc"}, "line 3, column V1: 'abc' is not a number."),
        ({"amount": ""}, "line 3, column Amount: the cell is empty."),
        ({"amount": " "}, "line 3, column Amount: the cell is empty."),
        ({"amount": "NA"}, "line 3, column Amount: 'NA' is not a number."),
        ({"amount": "1_000"}, "line 3, column Amount: '1_000' is not a number."),
        ({"amount": '"1,000"'}, "line 3, column Amount: '1,000' is not a number."),
        ({"v": "nan"}, "line 3, column V1: 'nan' is not a finite number."),
        ({"v": "1e999"}, "line 3, column V1: '1e999' is not a finite number."),
        ({"amount": "-0.01"}, "line 3, column Amount: '-0.01' is negative."),
        ({"time": "-1"}, "line 3, column Time: '-1' is negative."),
        ({"label": "2"}, "line 3, column Class: '2' is neither 0 nor 1."),
        ({"label": "0.5"}, "line 3, column Class: '0.5' is neither 0 nor 1."),
        ({"time": "4"}, "line 3, column Time: it goes back from 5 to 4"),
    ],
)
def test_errors_name_line_and_column_of_a_defective_cell(
    file: Callable[..., Path], line: Callable[..., str], cells: dict[str, str], message: str
) -> None:
    path = file(line("5"), line(**{"time": "5", **cells}), line("6"))
    with pytest.raises(ReadError) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}, {message}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("index", [0, 1])
@pytest.mark.parametrize(("extra", "values"), [(",7", 32), (",7,8", 33)])
def test_errors_name_a_line_that_is_too_long(
    file: Callable[..., Path], line: Callable[..., str], index: int, extra: str, values: int
) -> None:
    lines = [line(), line()]
    lines[index] += extra
    with pytest.raises(ReadError, match=f"line {index + 2}: {values} values"):
        read(file(*lines))


def test_one_value_too_many_in_every_line_does_not_shift_the_columns(
    file: Callable[..., Path], line: Callable[..., str]
) -> None:
    with pytest.raises(ReadError, match="line 2: 32 values"):
        read(file(line() + ",0", line() + ",0"))


def test_errors_name_a_line_that_is_too_short(
    file: Callable[..., Path], line: Callable[..., str]
) -> None:
    with pytest.raises(ReadError, match="line 3: 3 values where the header names 31"):
        read(file(line(), "0,1,2"))


def test_line_numbers_are_those_of_an_editor(
    file: Callable[..., Path], line: Callable[..., str]
) -> None:
    blank_and_broken = file("", line() + ',"two\nlines"', line(v="x") + ",", header="")
    text = ",".join([*COLUMNS, "note"]) + blank_and_broken.read_text()
    blank_and_broken.write_text(text)
    # Line 1: header; 2: blank; 3 and 4: first row; 5: defect.
    with pytest.raises(ReadError, match="line 5, column V1"):
        read(blank_and_broken)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (",".join(c for c in COLUMNS if c != "V7"), "line 1: the header lacks the column V7"),
        ("a,b", "the columns Time, V1, V2, V3, V4 and 26 more"),
        (" ".join(COLUMNS), "separated by commas"),
        (",".join([*COLUMNS, "V7"]), "line 1: the header names the column V7 twice"),
    ],
)
def test_invalid_headers_are_rejected(
    file: Callable[..., Path], line: Callable[..., str], header: str, message: str
) -> None:
    with pytest.raises(ReadError, match=message):
        read(file(line(), header=header))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"PAR1\x15\x04\x00\x00", "is not a CSV file"),
        (bytes(range(256)) * 9, "is not a CSV file"),
        (b"\x1f\x8b" + b"abc" * 20, "is a broken archive"),
        (b"PK\x03\x04" + b"abc" * 20, "is a broken archive"),
    ],
)
def test_other_kinds_of_files_are_rejected(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "creditcard.csv"
    path.write_bytes(content)
    with pytest.raises(ReadError, match=message) as caught:
        read(path)
    assert str(path) in str(caught.value)


def test_a_truncated_gzip_file_is_rejected(
    file: Callable[..., Path], line: Callable[..., str], tmp_path: Path
) -> None:
    packed = tmp_path / "truncated.csv.gz"
    packed.write_bytes(gzip.compress(file(*[line()] * 5000).read_bytes())[:-12])
    with pytest.raises(ReadError, match="is a broken archive"):
        read(packed)


def test_a_file_without_transactions_is_rejected(file: Callable[..., Path]) -> None:
    with pytest.raises(ReadError, match="a header and no transactions"):
        read(file())


def test_an_archive_of_several_files_is_rejected(
    file: Callable[..., Path], line: Callable[..., str], tmp_path: Path
) -> None:
    archive = tmp_path / "two.zip"
    with zipfile.ZipFile(archive, "w") as members:
        members.write(file(line()), "a.csv")
        members.write(file(line()), "b.csv")
    with pytest.raises(ReadError, match="must hold one CSV file and holds 2"):
        read(archive)


def test_a_missing_file_and_a_folder_are_rejected(tmp_path: Path) -> None:
    with pytest.raises(FileMissingError, match="does not exist"):
        read(tmp_path / "none.csv")
    with pytest.raises(ReadError, match="is a folder"):
        read(tmp_path)
    with pytest.raises(FileMissingError, match="does not exist"):
        sha256(tmp_path / "none.csv")
    assert ReadError.exit_code == 2


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_rejected(
    file: Callable[..., Path], line: Callable[..., str]
) -> None:
    path = file(line())
    path.chmod(0)
    with pytest.raises(ReadError, match="may not be read"):
        read(path)


def test_sha256_is_of_the_files_bytes(tmp_path: Path) -> None:
    path = tmp_path / "bytes"
    path.write_bytes(os.urandom(300_000))
    assert sha256(path) == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.genuine
def test_genuine_rows_are_read(genuine_folder: Path) -> None:
    frame = read(genuine_folder / "creditcard_sample.csv.gz")
    assert len(frame) == 58_640
    assert frame["Class"].sum() == 399
    assert np.isfinite(frame.to_numpy()).all()
    assert frame.loc[0, "V1"] == -1.3598071336738
