"""Markdown tables and code spans."""

from collections.abc import Iterable, Sequence


def table(headers: Sequence[str], rows: Iterable[Sequence[str]], *, align: str = "l") -> str:
    """Return a Markdown table.

    Args:
        headers: one for each column.
        rows: of as many cells, which may contain Markdown; bars are escaped.
        align: "l" or "r" for each column; the last one also applies to the columns after it.
    """
    sides = align[: len(headers)].ljust(len(headers), align[-1])
    rule = ["--:" if side == "r" else "---" for side in sides]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in (headers, rule, *rows))


def code(text: str) -> str:
    """Return the text as a code span, or nothing if it is empty."""
    return f"`{text}`" if text else ""


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
