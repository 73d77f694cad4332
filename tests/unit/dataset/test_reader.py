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
from dataset.errors import ReadError
from dataset.reader import read, sha256


def test_columns_are_the_originals() -> None:
    assert len(COLUMNS) == 31
    assert FEATURES[0] == "Time"
    assert FEATURES[1:29] == tuple(f"V{number}" for number in range(1, 29))
    assert COLUMNS[29:] == ("Amount", "Class")


def test_read_gives_columns_types_and_file_order(
    file: Callable[..., Path], line: Callable[..., str]
) -> None:
    frame = read(file(line(), line("1", label='"1"'), line("1e+05", amount="25691.16")))
    assert tuple(frame.columns) == COLUMNS
    assert (frame.dtypes[list(FEATURES)] == "float64").all()
    assert frame.dtypes["Class"] == "int8"
    assert isinstance(frame.index, pd.RangeIndex)
    assert frame["Time"].tolist() == [0, 1, 100_000]
    assert frame["Class"].tolist() == [0, 1, 0]


def test_every_digit_is_read(file: Callable[..., Path], line: Callable[..., str]) -> None:
    values = [0.0727811733098497, 1e-300, 0.1 + 0.2, 123456.78901234567, -1.3598071336738]
    frame = read(file(*(line(v=repr(value)) for value in values)))
    assert frame["V17"].tolist() == values


def test_duplicates_stay(file: Callable[..., Path], line: Callable[..., str]) -> None:
    assert len(read(file(line(), line(), line()))) == 3


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_endings_and_blank_lines(
    file: Callable[..., Path], line: Callable[..., str], end: str
) -> None:
    assert len(read(file(line(), "", line(), "", "", end=end))) == 2


def test_byte_order_mark(file: Callable[..., Path], line: Callable[..., str]) -> None:
    path = file(line())
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert len(read(path)) == 1


def test_other_order_and_further_columns(
    file: Callable[..., Path], line: Callable[..., str]
) -> None:
    cells = line("7", amount="3", label="1").split(",")
    header = ",".join(["note", *reversed(COLUMNS)])
    frame = read(file(",".join(['"a, ""b"""', *reversed(cells)]), header=header))
    assert tuple(frame.columns) == COLUMNS
    assert frame.loc[0, ["Time", "Amount", "Class"]].tolist() == [7, 3, 1]


def test_limit_reads_no_further(file: Callable[..., Path], line: Callable[..., str]) -> None:
    path = file(line(), line(), "junk")
    assert len(read(path, limit=2)) == 2
    with pytest.raises(ReadError, match="line 4"):
        read(path)


def test_packed_files_are_told_by_content(
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
    ("cells", "said"),
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
def test_defective_cells_are_named(
    file: Callable[..., Path], line: Callable[..., str], cells: dict[str, str], said: str
) -> None:
    path = file(line("5"), line(**{"time": "5", **cells}), line("6"))
    with pytest.raises(ReadError) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}, {said}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize(("extra", "values"), [(",7", 32), (",7,8", 33)])
def test_long_lines_are_named(
    file: Callable[..., Path], line: Callable[..., str], place: int, extra: str, values: int
) -> None:
    lines = [line(), line()]
    lines[place] += extra
    with pytest.raises(ReadError, match=f"line {place + 2}: {values} values"):
        read(file(*lines))


def test_one_value_too_many_in_every_line_does_not_shift_the_columns(
    file: Callable[..., Path], line: Callable[..., str]
) -> None:
    with pytest.raises(ReadError, match="line 2: 32 values"):
        read(file(line() + ",0", line() + ",0"))


def test_short_lines_are_named(file: Callable[..., Path], line: Callable[..., str]) -> None:
    with pytest.raises(ReadError, match="line 3: 3 values where the header names 31"):
        read(file(line(), "0,1,2"))


def test_lines_count_as_an_editor_shows_them(
    file: Callable[..., Path], line: Callable[..., str]
) -> None:
    blank_and_broken = file("", line() + ',"two\nlines"', line(v="x") + ",", header="")
    text = ",".join([*COLUMNS, "note"]) + blank_and_broken.read_text()
    blank_and_broken.write_text(text)
    # 1 header, 2 blank, 3 and 4 the first row, 5 the defect
    with pytest.raises(ReadError, match="line 5, column V1"):
        read(blank_and_broken)


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (",".join(c for c in COLUMNS if c != "V7"), "line 1: the header lacks the column V7"),
        ("a,b", "the columns Time, V1, V2, V3, V4 and 26 more"),
        (";".join(COLUMNS), "separated by commas"),
        (",".join([*COLUMNS, "V7"]), "line 1: the header names the column V7 twice"),
    ],
)
def test_headers_that_do_not_fit(
    file: Callable[..., Path], line: Callable[..., str], header: str, said: str
) -> None:
    with pytest.raises(ReadError, match=said):
        read(file(line(), header=header))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"PAR1\x15\x04\x00\x00", "is not a CSV file"),
        (bytes(range(256)) * 9, "is not a CSV file"),
        (b"\x1f\x8b" + b"abc" * 20, "is a broken archive"),
        (b"PK\x03\x04" + b"abc" * 20, "is a broken archive"),
    ],
)
def test_files_that_are_something_else(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "creditcard.csv"
    path.write_bytes(content)
    with pytest.raises(ReadError, match=said) as caught:
        read(path)
    assert str(path) in str(caught.value)


def test_gzip_cut_off_after_good_rows(
    file: Callable[..., Path], line: Callable[..., str], tmp_path: Path
) -> None:
    packed = tmp_path / "cut.csv.gz"
    packed.write_bytes(gzip.compress(file(*[line()] * 5000).read_bytes())[:-12])
    with pytest.raises(ReadError, match="is a broken archive"):
        read(packed)


def test_header_alone(file: Callable[..., Path]) -> None:
    with pytest.raises(ReadError, match="a header and no transactions"):
        read(file())


def test_archives_of_several_files(
    file: Callable[..., Path], line: Callable[..., str], tmp_path: Path
) -> None:
    archive = tmp_path / "two.zip"
    with zipfile.ZipFile(archive, "w") as members:
        members.write(file(line()), "a.csv")
        members.write(file(line()), "b.csv")
    with pytest.raises(ReadError, match="must hold one CSV file and holds 2"):
        read(archive)


def test_no_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="does not exist"):
        read(tmp_path / "none.csv")
    with pytest.raises(ReadError, match="is a folder"):
        read(tmp_path)
    with pytest.raises(ReadError, match="does not exist"):
        sha256(tmp_path / "none.csv")
    assert ReadError.exit_code == 2


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_not_permitted(file: Callable[..., Path], line: Callable[..., str]) -> None:
    path = file(line())
    path.chmod(0)
    with pytest.raises(ReadError, match="may not be read"):
        read(path)


def test_sha256_is_of_the_files_bytes(tmp_path: Path) -> None:
    path = tmp_path / "bytes"
    path.write_bytes(os.urandom(300_000))
    assert sha256(path) == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.genuine
def test_genuine_rows(genuine_folder: Path) -> None:
    frame = read(genuine_folder / "creditcard_sample.csv.gz")
    assert len(frame) == 58_640
    assert frame["Class"].sum() == 399
    assert np.isfinite(frame.to_numpy()).all()
    assert frame.loc[0, "V1"] == -1.3598071336738
