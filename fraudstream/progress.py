"""A progress bar for work of more than two seconds: on stderr, if that is a terminal."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Advance = Callable[[int], None]
"""Called with the amount of additional work done, in the bar's unit."""


@contextmanager
def progress_bar(
    description: str, total: int | None = None, *, unit: str = ""
) -> Iterator[Advance]:
    """Show a bar while the block runs; yield the function that advances it.

    Args:
        description: the work, for example "Downloading creditcard.csv".
        total: the amount of work; None if unknown; 0 shows no bar.
        unit: "bytes" is shown as kB, MB, ...; any other word as it is.
    """
    if total == 0 or not sys.stderr.isatty():
        yield _ignore
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    counted = (
        (DownloadColumn(), TransferSpeedColumn())
        if unit == "bytes"
        else (MofNCompleteColumn(), TextColumn(unit))
    )
    columns = (TextColumn("{task.description}"), BarColumn(), *counted, TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(description, total=total)
        yield lambda amount: bar.advance(task, amount)


def _ignore(_amount: int) -> None:
    """Without a terminal there is no bar to advance."""
