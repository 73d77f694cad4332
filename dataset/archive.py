"""Open plain, gzipped or zipped files; the format is detected from the content, not the name."""

import gzip
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from dataset.errors import FileMissingError, ReadError


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
    """Open a file and decompress it if necessary.

    Raises:
        ReadError: as `readable`; or the file is empty, or an archive without exactly one CSV file.
    """
    with readable(path), path.open("rb") as file:
        start = file.peek(4)
        if not start:
            raise ReadError(f"{path} is empty.")
        if start.startswith(b"\x1f\x8b"):
            with gzip.open(file) as unpacked:
                yield cast("IO[bytes]", unpacked)
        elif start.startswith(b"PK\x03\x04"):
            with zipfile.ZipFile(file) as archive, archive.open(_member(path, archive)) as unpacked:
                yield unpacked
        else:
            yield file


def _member(path: Path, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    """Return the only CSV file of an archive."""
    # Archives made on macOS contain a metadata file beside each file.
    members = [
        member
        for member in archive.infolist()
        if member.filename.lower().endswith(".csv") and not member.filename.startswith("__MACOSX/")
    ]
    if len(members) != 1:
        raise ReadError(
            f"{path} must hold one CSV file and holds {len(members)}; unpack it and name one file."
        )
    if members[0].flag_bits & 0x1:
        raise ReadError(f"{path} is encrypted; unpack it and name the file.")
    return members[0]
