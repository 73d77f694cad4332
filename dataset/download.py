"""Download the original creditcard.csv: from the first open mirror that has exactly its bytes.

A mirror counts only when what it sends has the original's size and SHA-256. (OpenML's data set
1597 holds the same transactions, but written anew as ARFF, so its bytes cannot be checked against
the published file; it is left out.)

What has arrived waits as `NAME.part` beside the file, and a later attempt, at this mirror or
another, goes on from there with an HTTP range. Nothing stands under the final name until it has
been verified.
"""

import errno
import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dataset.columns import BYTES, SHA256
from dataset.errors import DownloadError
from dataset.reader import sha256 as checksum
from dataset.writer import refusal

MIRRORS = (
    # The copy that TensorFlow's tutorial on imbalanced data uses.
    "https://storage.googleapis.com/download.tensorflow.org/data/creditcard.csv",
    # Zenodo record 7395559, CC BY 4.0.
    "https://zenodo.org/records/7395559/files/creditcard.csv?download=1",
)
"""Mirrors that need no login, in the order they are tried."""

CHUNK = 1 << 18
"""Bytes read at most at once: 256 KiB make 575 steps of a progress bar for the whole file."""

PARTIAL, NOT_SATISFIABLE, TOO_MANY, SERVER_ERROR = 206, 416, 429, 500


class _BrokenError(Exception):
    """This attempt failed; another at the same mirror may go on."""


class _UnusableError(Exception):
    """This mirror will not do; ask the next."""


@dataclass(frozen=True)
class Patience:
    """How long to bear with a mirror.

    Attributes:
        timeout: seconds of silence after which a connection counts as broken.
        pauses: seconds before each further attempt; 1 + 4 + 15 outlast most restarts.
        sleep: how to wait for a pause.
    """

    timeout: float = 30.0
    pauses: Sequence[float] = (1.0, 4.0, 15.0)
    sleep: Callable[[float], None] = field(default=time.sleep)


def part_of(path: Path) -> Path:
    """Return where the bytes of `path` gather until they are verified."""
    return path.with_name(path.name + ".part")


def download(
    path: Path,
    *,
    mirrors: Sequence[str] = MIRRORS,
    size: int = BYTES,
    sha256: str = SHA256,
    patience: Patience | None = None,
    advance: Callable[[int], None] = lambda _bytes: None,
    remark: Callable[[str], None] = lambda _sentence: None,
) -> bool:
    """Make sure that `path` is the original file.

    Args:
        path: where to put it; what stands there is replaced unless it is the original.
        mirrors: addresses to try, in this order.
        size: bytes of the right file.
        sha256: checksum of the right file, hexadecimal.
        patience: how long to bear with a mirror.
        advance: called with the number of bytes that have arrived since the last call, first with
            those that were there already; negative where bytes are dropped.
        remark: told what goes wrong on the way.

    Returns:
        True when it was downloaded, False when the right file was there already.

    Raises:
        DownloadError: no mirror gave it; what has arrived and may be right is kept.
        WriteError: the folder is missing or not writable, or the disk is full.
    """
    try:
        if path.is_dir():  # found out now, not after 150 MB
            raise IsADirectoryError(errno.EISDIR, "Is a directory")
        if path.is_file() and path.stat().st_size == size and checksum(path) == sha256:
            return False
        part = part_of(path)
        part.touch()
        advance(part.stat().st_size)
        attempt = _Attempt(part, size, sha256, patience or Patience(), advance, remark)
        reasons = []
        for mirror in mirrors:
            try:
                attempt.fetch(mirror)
            except _UnusableError as reason:
                reasons.append(f"{mirror}: {reason}")
            else:
                part.replace(path)
                return True
        if not part.stat().st_size:
            part.unlink()
    except OSError as error:
        raise refusal(path, error) from None
    raise DownloadError(
        f"No mirror gave the original creditcard.csv ({'; '.join(reasons)}); try again later, "
        f"fetch it by hand (its SHA-256 is {sha256}), or do without it: `fraudstream data "
        "synthesize`."
    )


@dataclass(frozen=True)
class _Attempt:
    """The way of one file's bytes from a mirror into its part file."""

    part: Path
    size: int
    sha256: str
    patience: Patience
    advance: Callable[[int], None]
    remark: Callable[[str], None]

    def fetch(self, mirror: str) -> None:
        """Fill the part file and verify it; `_UnusableError` when this mirror cannot."""
        if not mirror.startswith(("https://", "http://")):
            raise _UnusableError("not an http or https address")
        resumed = self._have() > 0
        self._fill(mirror)
        if resumed and not self._right():
            self.remark("What had arrived earlier does not fit; starting over.")
            self._drop()
            self._fill(mirror)
        if not self._right():
            self._drop()
            raise _UnusableError(f"it has another file: its SHA-256 is not {self.sha256[:12]}...")

    def _fill(self, mirror: str) -> None:
        """Receive until all bytes are there, going on after breaks with pauses between."""
        for pause in (*self.patience.pauses, None):
            try:
                return self._receive(mirror)
            except _BrokenError as reason:
                if pause is None:
                    raise _UnusableError(str(reason)) from None
                self.remark(f"{reason} ({mirror}); trying again in {pause:g} s.")
                self.patience.sleep(pause)
        return None

    def _receive(self, mirror: str) -> None:
        """Ask for the bytes that are missing and append what comes."""
        have = self._have()
        if have > self.size:
            self._drop()
            have = 0
        if have == self.size:
            return
        with self._ask(mirror, have) as response, self.part.open("ab") as file:
            if have and not _goes_on(response, have):
                # A server without ranges sends everything again from the start.
                file.truncate(0)
                self.advance(-have)
                have = 0
            while chunk := _read(response):
                have += len(chunk)
                if have > self.size:
                    break
                file.write(chunk)
                self.advance(len(chunk))
        if have > self.size:
            self._drop()
            raise _UnusableError(f"it sends more than {self.size} bytes")
        if have < self.size:
            raise _BrokenError(f"The connection ended after {have} of {self.size} bytes")

    def _ask(self, mirror: str, have: int) -> http.client.HTTPResponse:
        """Return the mirror's answer, once it is clear that the right number of bytes follows."""
        request = urllib.request.Request(  # noqa: S310 - fetch() let http and https pass only
            mirror,
            headers={
                "User-Agent": "fraudstream",
                "Accept-Encoding": "identity",
                **({"Range": f"bytes={have}-"} if have else {}),
            },
        )
        try:
            response: http.client.HTTPResponse = urllib.request.urlopen(  # noqa: S310 - as above
                request, timeout=self.patience.timeout
            )
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == NOT_SATISFIABLE:
                self._drop()
                raise _BrokenError("The server knows no more bytes of the file") from None
            again = error.code == TOO_MANY or error.code >= SERVER_ERROR
            kind = _BrokenError if again else _UnusableError
            raise kind(f"HTTP {error.code} {error.reason}") from None
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", error)
            raise _BrokenError(f"Not reachable: {reason}") from None
        except ValueError as error:
            raise _UnusableError(f"not an address: {error}") from None
        announced = response.headers.get("Content-Length")
        expected = self.size - (have if _goes_on(response, have) else 0)
        if announced is not None and announced != str(expected):
            response.close()
            raise _UnusableError(f"it sends {announced} bytes where {expected} are right")
        return response

    def _have(self) -> int:
        return self.part.stat().st_size

    def _right(self) -> bool:
        return checksum(self.part) == self.sha256

    def _drop(self) -> None:
        """Forget what has arrived."""
        self.advance(-self._have())
        self.part.write_bytes(b"")


def _goes_on(response: http.client.HTTPResponse, have: int) -> bool:
    """Say whether the answer begins where the part file ends."""
    content = response.headers.get("Content-Range", "")
    return response.status == PARTIAL and content.startswith(f"bytes {have}-")


def _read(response: http.client.HTTPResponse) -> bytes:
    """Return the next bytes, none at the end; apart from writing, whose errors mean otherwise."""
    try:
        return response.read1(CHUNK)
    except (OSError, http.client.HTTPException) as error:
        raise _BrokenError(f"The connection broke: {error}") from None
