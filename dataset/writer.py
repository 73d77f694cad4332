"""Write files whole or not at all, and creditcard.csv in its own dialect."""

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
"""Rows between two calls of `advance`: about 5 MB of text, a tenth of a second and more."""


def write(
    frame: "pd.DataFrame", path: Path, *, advance: Callable[[int], None] = lambda _rows: None
) -> None:
    """Write transactions as the original is written: header and Class quoted, the rest plain.

    Numbers are printed with the digits it takes to read the same float64 back; whole numbers
    without a decimal point. The same frame gives the same bytes, gzipped too.

    Args:
        frame: rows with exactly `COLUMNS`, as `dataset.reader.read` gives them.
        path: the file, replaced when there is one; gzipped when its name ends with .gz.
        advance: called with the number of rows written since the last call.

    Raises:
        WriteError: the folder is not there or not writable, or the disk is full; whatever was
            under this name before is still there.
    """
    with replaced(path) as file:
        if path.suffix == ".gz":
            # No name and no time of writing in the gzip header: equal rows, equal bytes.
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
        # [1.5,0.0,"0"] is JSON and, but for the brackets, this dialect too; msgspec prints ten
        # times as many numbers a second as repr.
        lines = msgspec.json.encode(rows)[2:-2].replace(b"],[", b"\n").replace(b".0,", b",")
        file.write(lines + b"\n")
        advance(len(rows))


@contextmanager
def replaced(path: Path) -> Iterator[IO[bytes]]:
    """Give a temporary file that takes the place of `path` when the block ends well.

    Raises:
        WriteError: the file cannot be made, filled or put in place; the temporary one is removed
            and `path` is as it was. Any other exception of the block passes, after the same.
    """
    temporary: Path | None = None
    try:
        # In the same folder, because a rename is only whole within one file system.
        with tempfile.NamedTemporaryFile(
            dir=path.parent, prefix=f".{path.name}.", suffix=".part", delete=False
        ) as file:
            temporary = Path(file.name)
            yield cast("IO[bytes]", file)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())  # a temporary file is its owner's alone
        temporary.replace(path)
    except OSError as error:
        raise refusal(path, error) from None
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def refusal(path: Path, error: OSError) -> WriteError:
    """Return the sentence for a file that the system would not let us write."""
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return WriteError(
                f"{path} was not written: no space is left there; free some or choose another "
                "place with --out."
            )
        case errno.ENOENT | errno.ENOTDIR:
            return WriteError(
                f"{path} was not written: the folder {path.parent} does not exist; make it first."
            )
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return WriteError(
                f"{path} was not written: the folder {path.parent} is not writable for this user; "
                "choose another place with --out."
            )
        case errno.EISDIR:
            return WriteError(f"{path} was not written: it is a folder; name a file in it.")
        case _:
            return WriteError(f"{path} was not written: {error.strerror or error}.")


def _umask() -> int:
    """Return the process's mask of permissions; it can only be read by setting it."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
