"""Open plain, gzipped or zipped files; the format is detected from the content, not the name."""

import gzip
import os
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, cast

from dataset.errors import FileMissingError, ReadError

GZIP, ZIP = b"\x1f\x8b", b"PK\x03\x04"
"""The first bytes of either kind of archive."""

GZIP_LAYERS = 2
"""A server that compresses what it sends, or a second run of gzip, compresses a file twice."""


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Convert errors of the operating system and of archives to ReadError.

    Raises:
        FileMissingError: the file does not exist.
        ReadError: the file is unreadable or a broken archive.
    """
    try:
        yield
    except FileNotFoundError:
        raise FileMissingError(f"{path} does not exist.") from None
    except IsADirectoryError:
        raise ReadError(f"{path} is a folder; name the file in it.") from None
    except PermissionError:
        raise ReadError(f"{path} may not be read by this user; check its permissions.") from None
    except (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile) as error:
        raise ReadError(
            f"{path} is a broken archive ({error}); download or copy it again."
        ) from None
    except OSError as error:
        raise ReadError(f"{path} cannot be read: {error.strerror or error}.") from None


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """Open a file and decompress it if necessary; the caller may seek in it.

    Raises:
        ReadError: as `readable`; or the file is empty, a pipe or device (which can be read only
            once), or an archive without exactly one file.
    """
    with readable(path), ExitStack() as stack:
        file = cast("IO[bytes]", stack.enter_context(path.open("rb")))
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ReadError(f"{path} is a pipe or device; save its content in a file first.")
        start = _start(file)
        if not start:
            raise ReadError(f"{path} is empty.")
        if start.startswith(ZIP):
            archive = stack.enter_context(zipfile.ZipFile(file))
            file = stack.enter_context(archive.open(_member(path, archive)))
        for _layer in range(GZIP_LAYERS):
            if _start(file).startswith(GZIP):
                file = cast("IO[bytes]", stack.enter_context(gzip.open(file)))
        yield file


def _start(file: IO[bytes]) -> bytes:
    """Return the first bytes of a file; it stays at its beginning."""
    start = file.read(len(ZIP))
    file.seek(0)
    return start


def _member(path: Path, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    """Return the only CSV file of an archive, or its only file, whatever its name."""
    files = [
        member
        for member in archive.infolist()
        if not member.is_dir() and not _is_metadata(member.filename)
    ]
    tables = [member for member in files if member.filename.lower().endswith(".csv")]
    members = files if len(files) == 1 else tables
    if len(members) != 1:
        raise ReadError(
            f"{path} must hold one CSV file and holds {len(members)}; unpack it and name one file."
        )
    if members[0].flag_bits & 0x1:
        raise ReadError(f"{path} is encrypted; unpack it and name the file.")
    return members[0]


def _is_metadata(name: str) -> bool:
    """Whether macOS put a file into an archive: a resource fork, or a folder's settings."""
    parts = name.split("/")
    return "__MACOSX" in parts or parts[-1].startswith("._") or parts[-1] == ".DS_Store"
