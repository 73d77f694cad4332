"""A local HTTP mirror with configurable faults, and a recorder of a download's progress."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from dataset.download import RetryPolicy, download

CONTENT = bytes(number * 31 % 251 for number in range(600_000))
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Mirror(ThreadingHTTPServer):
    """A web server with the faults that a test configures."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = CONTENT
        self.ranges = True
        self.lengths = True
        self.statuses: list[int] = []  # the first responses, one per request
        self.breaks: list[int] = []  # bytes after which the connection ends, one per request
        self.hold = threading.Event()
        self.holds_after: int | None = None
        self.requests: list[str | None] = []  # the Range header of each

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/creditcard.csv"


class Handler(BaseHTTPRequestHandler):
    server: Mirror

    def do_GET(self) -> None:
        mirror, requested = self.server, self.headers.get("Range")
        mirror.requests.append(requested)
        if mirror.statuses:
            self.send_error(mirror.statuses.pop(0))
            return
        start = int(requested.removeprefix("bytes=").removesuffix("-")) if requested else 0
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


class Recorder:
    """Downloads, and records remarks, progress and pauses."""

    def __init__(self) -> None:
        self.remarks: list[str] = []
        self.bytes = 0
        self.pauses: list[float] = []

    def advance(self, amount: int) -> None:
        self.bytes += amount

    def download(self, path: Path, *mirrors: str) -> bool:
        return download(
            path,
            mirrors=mirrors,
            size=len(CONTENT),
            sha256=SHA256,
            retry=RetryPolicy(timeout=5, pauses=(1, 2), sleep=self.pauses.append),
            advance=self.advance,
            remark=self.remarks.append,
        )


def names(path: Path) -> list[str]:
    """Return the names of the files in the file's folder."""
    return sorted(entry.name for entry in path.parent.iterdir())
