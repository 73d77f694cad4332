"""The entry point of every benchmark: arguments, log, result, errors in one sentence."""

import argparse
import math
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.harness.report import write_section
from errors import FraudstreamError
from fraudstream.logs import log_to_stderr


def command_parser(module: str, docstring: str | None) -> argparse.ArgumentParser:
    """Return a parser for `python -m MODULE`, described by its docstring but for the first line."""
    return argparse.ArgumentParser(
        prog=f"python -m {module}",
        description=(docstring or "").partition("\n\n")[2],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def positive(text: str) -> float:
    """Parse a positive, finite number.

    Raises:
        ValueError: if the text is anything else.
    """
    number = float(text)
    if not 0 < number < math.inf:
        raise ValueError
    return number


def run_command(parser: argparse.ArgumentParser, run: Callable[[argparse.Namespace], None]) -> None:
    """Parse the command line and run a benchmark, logging to stderr.

    Exits with one sentence and code 1 if the benchmark fails or is stopped.
    """
    arguments = parser.parse_args()
    log_to_stderr()
    with errors_in_one_sentence():
        run(arguments)


@contextmanager
def errors_in_one_sentence() -> Iterator[None]:
    """Exit with one sentence and code 1 if the block fails; SIGTERM stops it as Ctrl-C does."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that child processes are stopped
    try:
        yield
    except FraudstreamError as error:
        sys.exit(" ".join(filter(None, [f"Error: {error}", error.hint])))
    except KeyboardInterrupt:
        sys.exit("Stopped; nothing was written.")


def publish(text: str, page: Path | None, section: str) -> None:
    """Print a result and, if a page is given, write it to that section of the page."""
    print(text, flush=True)
    if page:
        write_section(page, section, text)
