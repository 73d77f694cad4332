import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from dataset.download import MIRRORS, Patience, download, part_of
from dataset.errors import DownloadError, WriteError

CONTENT = bytes(number * 31 % 251 for number in range(600_000))
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Mirror(ThreadingHTTPServer):
    """A web server whose whims are set by the test."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = CONTENT
        self.ranges = True
        self.lengths = True
        self.statuses: list[int] = []  # answered first, one a request
        self.breaks: list[int] = []  # bytes after which the connection ends, one a request
        self.hold = threading.Event()
        self.holds_after: int | None = None
        self.requests: list[str | None] = []  # the Range of each

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/creditcard.csv"


class Handler(BaseHTTPRequestHandler):
    server: Mirror

    def do_GET(self) -> None:
        mirror, asked = self.server, self.headers.get("Range")
        mirror.requests.append(asked)
        if mirror.statuses:
            self.send_error(mirror.statuses.pop(0))
            return
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        if not mirror.ranges:
            start = 0
        if start >= len(mirror.content):
            self.send_error(416)
            return
        body = mirror.content[start:]
        self.send_response(206 if start else 200)
        if start:
            last = len(mirror.content) - 1
            self.send_header("Content-Range", f"bytes {start}-{last}/{last + 1}")
        if mirror.lengths:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if mirror.holds_after is not None:
            self.wfile.write(body[: mirror.holds_after])
            self.wfile.flush()
            mirror.hold.wait(60)
            return
        self.wfile.write(body[: mirror.breaks.pop(0)] if mirror.breaks else body)

    def log_message(self, *_arguments: object) -> None:
        pass


@pytest.fixture
def make_mirror() -> Iterator[Callable[[], Mirror]]:
    started: list[tuple[Mirror, threading.Thread]] = []

    def make() -> Mirror:
        mirror = Mirror()
        thread = threading.Thread(target=mirror.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        started.append((mirror, thread))
        return mirror

    yield make
    for mirror, thread in started:
        mirror.hold.set()
        mirror.shutdown()
        thread.join()
        mirror.server_close()


@pytest.fixture
def mirror(make_mirror: Callable[[], Mirror]) -> Mirror:
    return make_mirror()


class Notes:
    """What a download said and how its bar moved."""

    def __init__(self) -> None:
        self.remarks: list[str] = []
        self.bytes = 0
        self.slept: list[float] = []

    def advance(self, amount: int) -> None:
        self.bytes += amount


@pytest.fixture
def notes() -> Notes:
    return Notes()


def get(path: Path, notes: Notes, *mirrors: str) -> bool:
    return download(
        path,
        mirrors=mirrors,
        size=len(CONTENT),
        sha256=SHA256,
        patience=Patience(timeout=5, pauses=(1, 2), sleep=notes.slept.append),
        advance=notes.advance,
        remark=notes.remarks.append,
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "creditcard.csv"


def names(path: Path) -> list[str]:
    return sorted(entry.name for entry in path.parent.iterdir())


def test_the_file_arrives_whole(path: Path, mirror: Mirror, notes: Notes) -> None:
    assert get(path, notes, mirror.url)
    assert path.read_bytes() == CONTENT
    assert names(path) == ["creditcard.csv"]
    assert notes.bytes == len(CONTENT)
    assert mirror.requests == [None]
    assert not notes.remarks


def test_what_is_there_and_right_is_not_fetched(path: Path, mirror: Mirror, notes: Notes) -> None:
    path.write_bytes(CONTENT)
    assert not get(path, notes, mirror.url)
    assert mirror.requests == []


def test_another_file_of_that_name_is_replaced(path: Path, mirror: Mirror, notes: Notes) -> None:
    path.write_bytes(CONTENT[::-1])
    assert get(path, notes, mirror.url)
    assert path.read_bytes() == CONTENT


def test_a_break_is_resumed_where_it_was(path: Path, mirror: Mirror, notes: Notes) -> None:
    mirror.breaks = [250_000, 100_000]
    assert get(path, notes, mirror.url)
    assert path.read_bytes() == CONTENT
    assert mirror.requests == [None, "bytes=250000-", "bytes=350000-"]
    assert notes.slept == [1, 2]
    assert notes.bytes == len(CONTENT)


def test_a_later_call_resumes_the_part(path: Path, mirror: Mirror, notes: Notes) -> None:
    part_of(path).write_bytes(CONTENT[:400_000])
    assert get(path, notes, mirror.url)
    assert mirror.requests == ["bytes=400000-"]
    assert path.read_bytes() == CONTENT
    assert notes.bytes == len(CONTENT)


def test_a_whole_part_is_only_verified(path: Path, mirror: Mirror, notes: Notes) -> None:
    part_of(path).write_bytes(CONTENT)
    assert get(path, notes, mirror.url)
    assert mirror.requests == []
    assert names(path) == ["creditcard.csv"]


@pytest.mark.parametrize("length", [1000, len(CONTENT), len(CONTENT) + 5])
def test_a_part_that_does_not_fit_is_dropped(
    path: Path, mirror: Mirror, notes: Notes, length: int
) -> None:
    part_of(path).write_bytes(b"x" * length)
    assert get(path, notes, mirror.url)
    assert path.read_bytes() == CONTENT
    assert mirror.requests[-1] is None
    assert notes.bytes == len(CONTENT)


def test_a_server_without_ranges_sends_it_anew(path: Path, mirror: Mirror, notes: Notes) -> None:
    mirror.ranges = False
    mirror.breaks = [250_000]
    assert get(path, notes, mirror.url)
    assert path.read_bytes() == CONTENT
    assert notes.bytes == len(CONTENT)


def test_range_not_satisfiable_starts_over(path: Path, mirror: Mirror, notes: Notes) -> None:
    part_of(path).write_bytes(CONTENT[:1000])
    mirror.statuses = [416]
    assert get(path, notes, mirror.url)
    assert mirror.requests == ["bytes=1000-", None]
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize("status", [503, 429])
def test_a_busy_server_is_asked_again(
    path: Path, mirror: Mirror, notes: Notes, status: int
) -> None:
    mirror.statuses = [status]
    assert get(path, notes, mirror.url)
    assert notes.slept == [1]


def test_not_found_goes_to_the_next_mirror_at_once(
    path: Path, make_mirror: Callable[[], Mirror], notes: Notes
) -> None:
    gone, good = make_mirror(), make_mirror()
    gone.statuses = [404]
    assert get(path, notes, gone.url, good.url)
    assert path.read_bytes() == CONTENT
    assert notes.slept == []


def test_the_next_mirror_goes_on_with_what_came(
    path: Path, make_mirror: Callable[[], Mirror], notes: Notes
) -> None:
    weak, good = make_mirror(), make_mirror()
    weak.breaks = [200_000, 0, 0]
    assert get(path, notes, weak.url, good.url)
    assert good.requests == ["bytes=200000-"]
    assert path.read_bytes() == CONTENT


def test_wrong_bytes_are_dropped_and_the_next_is_asked(
    path: Path, make_mirror: Callable[[], Mirror], notes: Notes
) -> None:
    wrong, good = make_mirror(), make_mirror()
    wrong.content = CONTENT[::-1]
    assert get(path, notes, wrong.url, good.url)
    assert good.requests == [None]
    assert path.read_bytes() == CONTENT
    assert notes.bytes == len(CONTENT)


@pytest.mark.parametrize("lengths", [True, False])
@pytest.mark.parametrize("content", [b"<html>log in</html>", CONTENT + b"more", CONTENT[::-1]])
def test_no_mirror_says_why_and_leaves_nothing_under_the_name(
    path: Path, mirror: Mirror, notes: Notes, content: bytes, lengths: bool
) -> None:
    mirror.content, mirror.lengths = content, lengths
    with pytest.raises(DownloadError) as caught:
        get(path, notes, mirror.url, "ftp://example.org/x")
    said = str(caught.value)
    assert mirror.url in said
    assert "ftp://example.org/x: not an http or https address" in said
    assert SHA256 in said
    assert "data synthesize" in said
    assert "\n" not in said
    assert not path.exists()


def test_nobody_listens(path: Path, notes: Notes, make_mirror: Callable[[], Mirror]) -> None:
    mirror = make_mirror()
    url = mirror.url
    mirror.socket.close()
    with pytest.raises(DownloadError, match="Not reachable"):
        get(path, notes, url)
    assert notes.slept == [1, 2]
    assert names(path) == []


def test_no_folder_and_a_folder(path: Path, mirror: Mirror, notes: Notes) -> None:
    with pytest.raises(WriteError, match="does not exist"):
        get(path.parent / "none" / "creditcard.csv", notes, mirror.url)
    with pytest.raises(WriteError, match="is a folder"):
        get(path.parent, notes, mirror.url)
    assert mirror.requests == []


def test_ctrl_c_leaves_only_the_part(path: Path, mirror: Mirror, notes: Notes) -> None:
    mirror.holds_after = 300_000
    program = (
        "import sys; from pathlib import Path; from dataset.download import download\n"
        "download(Path(sys.argv[1]), mirrors=[sys.argv[2]], "
        f"size={len(CONTENT)}, sha256='{SHA256}')"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(path), mirror.url], stderr=subprocess.DEVNULL
    )
    part, deadline = part_of(path), time.monotonic() + 60
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
    assert get(path, notes, mirror.url)
    assert mirror.requests == [f"bytes={have}-"]
    assert path.read_bytes() == CONTENT


def test_a_full_disk_keeps_the_name_free(
    path: Path, mirror: Mirror, notes: Notes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_path: Path, _target: Path) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(WriteError, match="no space is left"):
        get(path, notes, mirror.url)
    assert not path.exists()


def test_mirrors_are_fetched_safely() -> None:
    assert len(MIRRORS) == 2
    assert all(mirror.startswith("https://") for mirror in MIRRORS)
