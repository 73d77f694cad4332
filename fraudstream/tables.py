"""Tables on stdout: with rich on a terminal, plain aligned text otherwise."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

PLAIN_WIDTH = 10_000
"""Columns of a plain table, in characters: wide enough that no cell is ever wrapped."""


def print_table(
    rows: Iterable[Sequence[str]], *, headers: Sequence[str] = (), align: str = "l"
) -> None:
    """Print a table: with rich on a terminal, as `plain_table` formats it otherwise.

    Args:
        rows: of as many cells as there are headers.
        headers: one for each column; none for a table without a header.
        align: "l" or "r" for each column; the last one also applies to the columns after it.
    """
    from rich.console import Console

    # Cells are text, not rich's markup.
    console = Console(highlight=False, markup=False, emoji=False)
    if console.is_terminal:
        console.print(_table(rows, headers, align))
    else:
        print(plain_table(rows, headers=headers, align=align))


def plain_table(
    rows: Iterable[Sequence[str]], *, headers: Sequence[str] = (), align: str = "l"
) -> str:
    """Return a table as aligned text without borders, two blanks between its columns.

    Args:
        rows: as for `print_table`.
        headers: likewise.
        align: likewise.
    """
    from rich.console import Console

    console = Console(width=PLAIN_WIDTH, highlight=False, markup=False, emoji=False)
    with console.capture() as capture:
        console.print(_table(rows, headers, align))
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


def _table(rows: Iterable[Sequence[str]], headers: Sequence[str], align: str) -> "Table":
    from rich.table import Table

    cells = [tuple(row) for row in rows]
    columns = len(headers) or max(map(len, cells), default=0)
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_header=bool(headers))
    for header, side in zip(
        headers or [""] * columns, align.ljust(columns, align[-1]), strict=False
    ):
        table.add_column(header, justify="right" if side == "r" else "left")
    for row in cells:
        table.add_row(*row)
    return table
