"""Downloads that succeed: whole, resumed, or not needed."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dataset.download import MIRRORS, partial_path
from dataset.errors import WriteError
from tests.support.mirror import CONTENT, SHA256, Mirror, Recorder, names


def test_the_file_is_downloaded(path: Path, mirror: Mirror, recorder: Recorder) -> None:
    assert recorder.download(path, mirror.url)
    assert path.read_bytes() == CONTENT
    assert names(path) == ["creditcard.csv"]
    assert recorder.bytes == len(CONTENT)
    assert mirror.requests == [None]
    assert not recorder.remarks


def test_an_existing_original_is_not_downloaded(
    path: Path, mirror: Mirror, recorder: Recorder
) -> None:
    path.write_bytes(CONTENT)
    assert not recorder.download(path, mirror.url)
    assert mirror.requests == []


def test_a_different_file_is_replaced(path: Path, mirror: Mirror, recorder: Recorder) -> None:
    path.write_bytes(CONTENT[::-1])
    assert recorder.download(path, mirror.url)
    assert path.read_bytes() == CONTENT


def test_a_broken_connection_is_resumed(path: Path, mirror: Mirror, recorder: Recorder) -> None:
    mirror.breaks = [250_000, 100_000]
    assert recorder.download(path, mirror.url)
    assert path.read_bytes() == CONTENT
    assert mirror.requests == [None, "bytes=250000-", "bytes=350000-"]
    assert recorder.pauses == [1, 2]
    assert recorder.bytes == len(CONTENT)


def test_a_later_call_resumes_the_partial_file(
    path: Path, mirror: Mirror, recorder: Recorder
) -> None:
    partial_path(path).write_bytes(CONTENT[:400_000])
    assert recorder.download(path, mirror.url)
    assert mirror.requests == ["bytes=400000-"]
    assert path.read_bytes() == CONTENT
    assert recorder.bytes == len(CONTENT)


def test_a_complete_partial_file_is_only_verified(
    path: Path, mirror: Mirror, recorder: Recorder
) -> None:
    partial_path(path).write_bytes(CONTENT)
    assert recorder.download(path, mirror.url)
    assert mirror.requests == []
    assert names(path) == ["creditcard.csv"]


@pytest.mark.parametrize("length", [1000, len(CONTENT), len(CONTENT) + 5])
def test_a_wrong_partial_file_is_discarded(
    path: Path, mirror: Mirror, recorder: Recorder, length: int
) -> None:
    partial_path(path).write_bytes(b"x" * length)
    assert recorder.download(path, mirror.url)
    assert path.read_bytes() == CONTENT
    assert mirror.requests[-1] is None
    assert recorder.bytes == len(CONTENT)


def test_a_server_without_range_support_sends_the_whole_file(
    path: Path, mirror: Mirror, recorder: Recorder
) -> None:
    mirror.ranges = False
    mirror.breaks = [250_000]
    assert recorder.download(path, mirror.url)
    assert path.read_bytes() == CONTENT
    assert recorder.bytes == len(CONTENT)


def test_range_not_satisfiable_starts_over(path: Path, mirror: Mirror, recorder: Recorder) -> None:
    partial_path(path).write_bytes(CONTENT[:1000])
    mirror.statuses = [416]
    assert recorder.download(path, mirror.url)
    assert mirror.requests == ["bytes=1000-", None]
    assert path.read_bytes() == CONTENT


def test_ctrl_c_leaves_only_the_partial_file(
    path: Path, mirror: Mirror, recorder: Recorder
) -> None:
    mirror.holds_after = 300_000
    program = (
        "import sys; from pathlib import Path; from dataset.download import download\n"
        "download(Path(sys.argv[1]), mirrors=[sys.argv[2]], "
        f"size={len(CONTENT)}, sha256='{SHA256}')"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(path), mirror.url], stderr=subprocess.DEVNULL
    )
    part, deadline = partial_path(path), time.monotonic() + 60
    while not part.exists() or not part.stat().st_size:
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) != 0
    assert names(path) == ["creditcard.csv.part"]
    mirror.holds_after = None
    have = part.stat().st_size
    mirror.requests.clear()
    assert recorder.download(path, mirror.url)
    assert mirror.requests == [f"bytes={have}-"]
    assert path.read_bytes() == CONTENT


def test_mirrors_use_https() -> None:
    assert len(MIRRORS) == 2
    assert all(mirror.startswith("https://") for mirror in MIRRORS)


def test_a_device_is_no_destination(mirror: Mirror, recorder: Recorder, tmp_path: Path) -> None:
    null = tmp_path / "creditcard.csv"
    null.symlink_to("/dev/null")
    with pytest.raises(WriteError, match="it is a pipe or device"):
        recorder.download(null, mirror.url)
    assert null.is_symlink()


def test_a_link_as_destination_stays_one(
    mirror: Mirror, recorder: Recorder, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    link = tmp_path / "creditcard.csv"
    link.symlink_to(tmp_path / "data" / "original.csv")
    assert recorder.download(link, mirror.url)
    assert link.is_symlink()
    assert [entry.name for entry in (tmp_path / "data").iterdir()] == ["original.csv"]
