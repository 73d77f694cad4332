"""stdin, stdout and stderr of this process, whatever the parent connected them to."""

import contextlib
import io
import os
import sys
from typing import TYPE_CHECKING

from errors import FraudstreamError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class OutputError(FraudstreamError):
    """Standard output cannot be written, for example because its disk is full."""

    exit_code = 1


def prepare_standard_streams() -> None:
    """Open the streams that the parent closed, and have failures to write to stdout explained.

    A stream that was closed (`>&-`) is connected to the null device. Otherwise a file or socket
    that is opened later would get its number, and receive what libraries print.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number: this one
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - until exit
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - until exit
    elif sys.stdout is sys.__stdout__ and isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout = _explaining(sys.stdout)


def discard_output() -> None:
    """Discard what stdout has buffered and will be given, so that the exit does not write it."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _Output(io.FileIO):
    """A file whose failures to write are OutputErrors; a closed pipe stays a BrokenPipeError."""

    def write(self, content: "ReadableBuffer", /) -> int:
        try:
            return super().write(content)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OutputError(f"Standard output cannot be written: {error.strerror}.") from None


def _explaining(stream: io.TextIOWrapper) -> io.TextIOWrapper:
    """Return a stream that differs in its errors only."""
    file = _Output(stream.fileno(), "w", closefd=False)
    return io.TextIOWrapper(
        # As Python does: with PYTHONUNBUFFERED, text is written through to the file.
        file if stream.write_through else io.BufferedWriter(file),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )
