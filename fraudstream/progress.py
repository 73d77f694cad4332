"""A progress bar for work of more than two seconds: on a terminal only, always on stderr."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Advance = Callable[[int], None]
"""Called with how much more is done, in the bar's own unit."""


@contextmanager
def progress_bar(
    description: str, total: int | None = None, *, unit: str = ""
) -> Iterator[Advance]:
    """Show a bar while the block runs and give it the function that moves the bar.

    Args:
        description: what is being done, for example "Downloading creditcard.csv".
        total: how much there is to do; None when that is not known, and no bar for 0.
        unit: what is counted: "bytes" is shown as kB, MB, ...; any other word as it is.
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
    """Where nobody looks, nothing is drawn."""
