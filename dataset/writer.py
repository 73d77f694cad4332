"""Write files atomically, and creditcard.csv in the original's dialect."""

import errno
import gzip
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from dataset.columns import COLUMNS, FEATURES
from dataset.errors import WriteError

if TYPE_CHECKING:
    import pandas as pd

CHUNK = 10_000
"""Rows between two calls of `advance`: about 5 MB of text, at least 0.1 s."""


def write(
    frame: "pd.DataFrame", path: Path, *, advance: Callable[[int], None] = lambda _rows: None
) -> None:
    """Write transactions in the original's dialect: header and Class quoted, the rest plain.

    Numbers have the digits needed to read the same float64 back; whole numbers have no decimal
    point. Equal frames give equal bytes, also gzipped.

    Args:
        frame: rows with exactly `COLUMNS`, as `dataset.reader.read` returns them.
        path: the file, replaced if it exists; gzipped if its name ends with .gz.
        advance: called with the number of rows written since the last call.

    Raises:
        WriteError: the folder is missing or not writable, or the disk is full; an existing file
            is unchanged.
    """
    with replaced(path) as file:
        if path.suffix == ".gz":
            # Without name and time in the gzip header, equal rows give equal bytes.
            with gzip.GzipFile("", "wb", compresslevel=6, fileobj=file, mtime=0) as packed:
                _write(frame, cast("IO[bytes]", packed), advance)
        else:
            _write(frame, file, advance)


def _write(frame: "pd.DataFrame", file: IO[bytes], advance: Callable[[int], None]) -> None:
    import msgspec

    file.write((",".join(f'"{name}"' for name in COLUMNS) + "\n").encode())
    features = frame[list(FEATURES)].to_numpy()
    labels = frame["Class"].astype(str).to_numpy()
    for start in range(0, len(frame), CHUNK):
        rows = features[start : start + CHUNK].tolist()
        for row, label in zip(rows, labels[start : start + CHUNK], strict=True):
            row.append(label)
        # [1.5,0.0,"0"] is JSON and, without the brackets, this dialect; msgspec formats floats ten
        # times as fast as repr.
        lines = msgspec.json.encode(rows)[2:-2].replace(b"],[", b"\n").replace(b".0,", b",")
        file.write(lines + b"\n")
        advance(len(rows))


@contextmanager
def replaced(path: Path) -> Iterator[IO[bytes]]:
    """Yield a temporary file that atomically replaces `path` if the block succeeds.

    On any exception the temporary file is removed and `path` is unchanged. Where `path` is a
    symbolic link, the file that it names is replaced. A pipe or device (/dev/null, /dev/stdout) is
    never replaced: the block writes to it directly.

    Raises:
        WriteError: the file cannot be created, written or renamed.
    """
    temporary: Path | None = None
    try:
        if is_special(path):
            with path.open("wb") as special:
                yield special
            return
        target = path.resolve()
        # In the same folder, because a rename is atomic only within one file system.
        with tempfile.NamedTemporaryFile(
            dir=target.parent, prefix=f".{target.name}.", suffix=".part", delete=False
        ) as file:
            temporary = Path(file.name)
            yield cast("IO[bytes]", file)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())  # temporary files are created with mode 0600
        temporary.replace(target)
    except OSError as error:
        raise write_error(path, error) from None
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def is_special(path: Path) -> bool:
    """Whether a path names something that exists and is neither a file nor a folder."""
    return path.exists() and not path.is_file() and not path.is_dir()


def write_error(path: Path, error: OSError) -> WriteError:
    """Convert an OSError while writing `path`."""
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return WriteError(
                f"{path} was not written: no space is left there; free some, or choose another "
                "folder."
            )
        case errno.ENOENT | errno.ENOTDIR:
            return WriteError(
                f"{path} was not written: the folder {path.parent} does not exist; create it."
            )
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return WriteError(
                f"{path} was not written: the folder {path.parent} is not writable for this user; "
                "choose another."
            )
        case errno.EISDIR:
            return WriteError(f"{path} was not written: it is a folder; name a file in it.")
        case _:
            return WriteError(f"{path} was not written: {error.strerror or error}.")


def _umask() -> int:
    """Return the process's umask, which can only be read by setting it."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
