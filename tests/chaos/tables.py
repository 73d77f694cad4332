"""Tables, aligned: for a terminal and as Markdown, which is read as text as well."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its first column is text, the others are numbers.

    Attributes:
        header: of each column.
        rows: cells.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def text(self) -> str:
        """Return it for a terminal."""
        return "\n".join("  ".join(cells).rstrip() for cells in self._aligned())

    def markdown(self) -> str:
        """Return it as Markdown."""
        first, *others = self._aligned()
        rule = ["-" * len(first[0]), *("-" * (len(cell) - 1) + ":" for cell in first[1:])]
        return "\n".join(f"| {' | '.join(cells)} |" for cells in (first, rule, *others))

    def _aligned(self) -> list[list[str]]:
        lines = [self.header, *self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return [_align(line, widths) for line in lines]


def _align(cells: Sequence[str], widths: Sequence[int]) -> list[str]:
    first, *others = zip(cells, widths, strict=True)
    return [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]
