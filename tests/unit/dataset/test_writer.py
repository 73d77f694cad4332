import errno
import gzip
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from dataset.columns import COLUMNS, FEATURES
from dataset.errors import WriteError
from dataset.reader import read
from dataset.writer import replaced, write

finite = st.floats(allow_nan=False, allow_infinity=False)


def rows(values: Sequence[float] | NDArray[np.float64], labels: Sequence[int] = ()) -> pd.DataFrame:
    frame = pd.DataFrame({name: np.asarray(values, dtype="float64") for name in FEATURES})
    frame["Time"] = frame["Amount"] = np.arange(len(frame), dtype="float64")
    frame["Class"] = np.asarray(labels or [0] * len(frame), dtype="int8")
    return frame[list(COLUMNS)]


@given(values=st.lists(finite, min_size=1, max_size=20))
def test_written_values_are_read_back_exactly(
    tmp_path_factory: pytest.TempPathFactory, values: list[float]
) -> None:
    path = tmp_path_factory.mktemp("bits") / "rows.csv"
    frame = rows(values)
    write(frame, path)
    again = read(path)
    assert again.to_numpy().tobytes() == frame.to_numpy().tobytes()


def test_the_dialect_is_the_originals(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    write(rows([1.5, 100000.0], [0, 1]), path)
    header, first, second = path.read_text().splitlines()
    assert header == ",".join(f'"{name}"' for name in COLUMNS)
    assert first == ",".join(["0", *["1.5"] * 28, "0", '"0"'])
    assert second == ",".join(["1", *["100000"] * 28, "1", '"1"'])


def test_equal_rows_give_equal_bytes_also_gzipped(tmp_path: Path) -> None:
    frame = rows(np.linspace(-3, 3, 500))
    contents = set()
    for name in ("a.csv.gz", "b.csv.gz"):
        write(frame, tmp_path / name)
        contents.add((tmp_path / name).read_bytes())
    assert len(contents) == 1
    packed = contents.pop()
    assert packed[4:8] == b"\0\0\0\0"  # the modification time
    write(frame, tmp_path / "plain.csv")
    assert gzip.decompress(packed) == (tmp_path / "plain.csv").read_bytes()


def test_progress_adds_up_to_the_rows(tmp_path: Path) -> None:
    steps: list[int] = []
    write(rows(np.zeros(25_000)), tmp_path / "rows.csv", advance=steps.append)
    assert sum(steps) == 25_000
    assert len(steps) > 1
    assert len((tmp_path / "rows.csv").read_text().splitlines()) == 25_001


def test_permissions_follow_the_umask(tmp_path: Path) -> None:
    mask = os.umask(0o027)
    try:
        write(rows([1.0]), tmp_path / "rows.csv")
    finally:
        os.umask(mask)
    assert (tmp_path / "rows.csv").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (errno.ENOSPC, "no space is left"),
        (errno.EROFS, "is not writable"),
        (errno.EIO, "was not written"),
    ],
)
def test_a_failing_disk_leaves_the_existing_file_unchanged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, message: str
) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("before")

    def fail(_file: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(WriteError, match=message):
        write(rows([1.0]), path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["rows.csv"]
    assert path.read_text() == "before"


def fill_the_disk(path: Path) -> None:
    with replaced(path) as file:
        full = os.open("/dev/full", os.O_WRONLY)
        os.dup2(full, file.fileno())
        os.close(full)
        file.write(b"x" * 100_000)
        file.flush()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match="no space is left"):
        fill_the_disk(tmp_path / "rows.csv")
    assert not list(tmp_path.iterdir())


def press_ctrl_c(path: Path) -> None:
    with replaced(path) as file:
        file.write(b"half")
        raise KeyboardInterrupt


def test_an_interrupt_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        press_ctrl_c(tmp_path / "rows.csv")
    assert not list(tmp_path.iterdir())


def test_a_missing_folder_and_a_folder_as_destination_are_rejected(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match="does not exist"):
        write(rows([1.0]), tmp_path / "none" / "rows.csv")
    (tmp_path / "folder").mkdir()
    with pytest.raises(WriteError, match="is a folder"):
        write(rows([1.0]), tmp_path / "folder")
    assert [entry.name for entry in tmp_path.iterdir()] == ["folder"]


def test_a_device_is_written_to_and_never_replaced(tmp_path: Path) -> None:
    # A link to the null device, since whoever may write to /dev could damage this machine.
    null = tmp_path / "null.csv"
    null.symlink_to("/dev/null")
    write(rows([1.0]), null)
    assert null.is_symlink()
    assert Path("/dev/null").is_char_device()
    assert [entry.name for entry in tmp_path.iterdir()] == ["null.csv"]


def test_a_pipe_receives_the_rows(tmp_path: Path) -> None:
    pipe = tmp_path / "rows.csv"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write(rows([1.0]), pipe)
    with os.fdopen(reader) as received:
        assert len(received.read().splitlines()) == 2
    assert pipe.is_fifo()


def test_a_link_stays_and_its_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    target, link = tmp_path / "data" / "rows.csv", tmp_path / "link.csv"
    link.symlink_to(target)  # also before the file exists
    for count in (1, 2):
        write(rows([1.0] * count), link)
        assert link.is_symlink()
        assert len(target.read_text().splitlines()) == count + 1
    assert [entry.name for entry in target.parent.iterdir()] == ["rows.csv"]
