"""Download the original creditcard.csv from the first open mirror that serves exactly its bytes.

A download must have the original's size and SHA-256. (OpenML's data set 1597 contains the same
transactions, but converted to ARFF, so its bytes cannot be compared with the published file; it
is not used.)

Received bytes are kept in `NAME.part` next to the file, and a later attempt, at the same mirror or
another, resumes from there with an HTTP range request. The final name appears only after the
content has been verified.
"""

import errno
import http.client
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dataset.columns import BYTES, SHA256
from dataset.errors import DownloadError, WriteError
from dataset.reader import sha256 as checksum
from dataset.writer import is_special, write_error

MIRRORS = (
    # The copy used by TensorFlow's tutorial on imbalanced data.
    "https://storage.googleapis.com/download.tensorflow.org/data/creditcard.csv",
    # Zenodo record 7395559, CC BY 4.0.
    "https://zenodo.org/records/7395559/files/creditcard.csv?download=1",
)
"""Mirrors that need no login, in the order they are tried."""

CHUNK = 1 << 18
"""Maximum bytes per read: 256 KiB give a progress bar 575 steps for the whole file."""

PARTIAL, NOT_SATISFIABLE, TOO_MANY, SERVER_ERROR = 206, 416, 429, 500


class _BrokenError(Exception):
    """This attempt failed; retry at the same mirror."""


class _UnusableError(Exception):
    """This mirror is unusable; try the next."""


@dataclass(frozen=True)
class RetryPolicy:
    """Timeout and retries of the requests to a mirror.

    Attributes:
        timeout: seconds without data after which a connection counts as broken.
        pauses: seconds before each retry; 1 + 4 + 15 outlast most restarts.
        sleep: waits that many seconds.
    """

    timeout: float = 30.0
    pauses: Sequence[float] = (1.0, 4.0, 15.0)
    sleep: Callable[[float], None] = field(default=time.sleep)


def partial_path(path: Path) -> Path:
    """Return the file that holds the unverified bytes of `path`."""
    path = path.resolve()
    return path.with_name(path.name + ".part")


def download(
    path: Path,
    *,
    mirrors: Sequence[str] = MIRRORS,
    size: int = BYTES,
    sha256: str = SHA256,
    retry: RetryPolicy | None = None,
    advance: Callable[[int], None] = lambda _bytes: None,
    remark: Callable[[str], None] = lambda _sentence: None,
) -> bool:
    """Download the original file to `path`, unless it is there already.

    Args:
        path: the destination; any other file there is replaced.
        mirrors: addresses to try, in this order.
        size: the original's size in bytes.
        sha256: the original's checksum, hexadecimal.
        retry: timeout and retries for each mirror.
        advance: called with the number of bytes received since the last call: first with the
            bytes of a partial file, negative when bytes are discarded.
        remark: called with a sentence for each failed attempt.

    Returns:
        True if it was downloaded, False if it was there already.

    Raises:
        DownloadError: every mirror failed; a partial file is kept for the next call to resume.
        WriteError: the folder is missing or not writable, the disk is full, or the destination is
            a pipe or device.
    """
    try:
        if path.is_dir():  # fail now, not after 150 MB
            raise IsADirectoryError(errno.EISDIR, "Is a directory")
        if is_special(path):
            raise WriteError(f"{path} was not written: it is a pipe or device; name a file.")
        path = path.resolve()  # a symbolic link stays one
        if path.is_file() and path.stat().st_size == size and checksum(path) == sha256:
            return False
        part = partial_path(path)
        part.touch()
        advance(part.stat().st_size)
        transfer = _Transfer(part, size, sha256, retry or RetryPolicy(), advance, remark)
        reasons = []
        for mirror in mirrors:
            try:
                transfer.fetch(mirror)
            except _UnusableError as reason:
                reasons.append(f"{mirror}: {reason}")
            else:
                part.replace(path)
                return True
        if not part.stat().st_size:
            part.unlink()
    except OSError as error:
        raise write_error(path, error) from None
    raise DownloadError(
        f"No mirror served the original creditcard.csv ({'; '.join(reasons)}); try again later, "
        f"or download the file by hand (SHA-256 {sha256})."
    )


@dataclass(frozen=True)
class _Transfer:
    """The transfer of one file from a mirror into its partial file."""

    part: Path
    size: int
    sha256: str
    retry: RetryPolicy
    advance: Callable[[int], None]
    remark: Callable[[str], None]

    def fetch(self, mirror: str) -> None:
        """Complete and verify the partial file.

        Raises:
            _UnusableError: this mirror cannot deliver it.
        """
        if not mirror.startswith(("https://", "http://")):
            raise _UnusableError("not an http or https address")
        resumed = self._received() > 0
        self._complete(mirror)
        if resumed and not self._verified():
            self.remark("The partial file does not match the original; starting over.")
            self._discard()
            self._complete(mirror)
        if not self._verified():
            self._discard()
            raise _UnusableError(f"another file: its SHA-256 is not {self.sha256[:12]}...")

    def _complete(self, mirror: str) -> None:
        """Receive all missing bytes, resuming broken connections after a pause."""
        for pause in (*self.retry.pauses, None):
            try:
                return self._receive(mirror)
            except _BrokenError as reason:
                if pause is None:
                    raise _UnusableError(str(reason)) from None
                self.remark(f"{reason} ({mirror}); trying again in {pause:g} s.")
                self.retry.sleep(pause)
        return None

    def _receive(self, mirror: str) -> None:
        """Request the missing bytes once and append them to the partial file."""
        have = self._received()
        if have > self.size:
            self._discard()
            have = 0
        if have == self.size:
            return
        with self._request(mirror, have) as response, self.part.open("ab") as file:
            if have and not _resumes(response, have):
                # A server without range support sends the whole file again.
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
            self._discard()
            raise _UnusableError(f"it sends more than {self.size} bytes")
        if have < self.size:
            raise _BrokenError(f"The connection ended after {have} of {self.size} bytes")

    def _request(self, mirror: str, have: int) -> http.client.HTTPResponse:
        """Return the mirror's response, after checking its status and announced length."""
        request = urllib.request.Request(  # noqa: S310 - fetch() accepts http and https only
            mirror,
            headers={
                "User-Agent": "fraudstream",
                "Accept-Encoding": "identity",
                **({"Range": f"bytes={have}-"} if have else {}),
            },
        )
        try:
            response: http.client.HTTPResponse = urllib.request.urlopen(  # noqa: S310 - as above
                request, timeout=self.retry.timeout
            )
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == NOT_SATISFIABLE:
                self._discard()
                raise _BrokenError("The mirror's file is shorter than the partial file") from None
            temporary = error.code == TOO_MANY or error.code >= SERVER_ERROR
            kind = _BrokenError if temporary else _UnusableError
            raise kind(f"HTTP {error.code} {error.reason}") from None
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", error)
            # A name that nobody resolves is a mistake, or a machine without a network; only a
            # download in progress is worth the wait.
            unknown = isinstance(reason, socket.gaierror) and not have
            kind = _UnusableError if unknown else _BrokenError
            raise kind(f"Not reachable: {reason}") from None
        except ValueError as error:
            raise _UnusableError(f"not an address: {error}") from None
        announced = response.headers.get("Content-Length")
        expected = self.size - (have if _resumes(response, have) else 0)
        if announced is not None and announced != str(expected):
            response.close()
            raise _UnusableError(f"it sends {announced} bytes instead of {expected}")
        return response

    def _received(self) -> int:
        return self.part.stat().st_size

    def _verified(self) -> bool:
        return checksum(self.part) == self.sha256

    def _discard(self) -> None:
        """Empty the partial file."""
        self.advance(-self._received())
        self.part.write_bytes(b"")


def _resumes(response: http.client.HTTPResponse, have: int) -> bool:
    """Return whether the response begins where the partial file ends."""
    content = response.headers.get("Content-Range", "")
    return response.status == PARTIAL and content.startswith(f"bytes {have}-")


def _read(response: http.client.HTTPResponse) -> bytes:
    """Return the next bytes, none at the end; separate from writing, whose OSErrors are fatal."""
    try:
        return response.read1(CHUNK)
    except (OSError, http.client.HTTPException) as error:
        raise _BrokenError(f"The connection broke: {error}") from None
