"""Tables of numbers, as plain text and as Markdown."""

from dataclasses import dataclass

from fraudstream.tables import plain_table
from model.artifact import markdown


@dataclass(frozen=True, slots=True)
class Table:
    """A table whose first column is text and whose other columns are numbers.

    Attributes:
        header: one cell per column.
        rows: the cells of each row.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def text(self) -> str:
        """Return the table as plain text."""
        return plain_table(self.rows, headers=self.header, align="lr")

    def markdown(self) -> str:
        """Return the table as Markdown."""
        return markdown.table(self.header, self.rows, align="lr", padded=True)
