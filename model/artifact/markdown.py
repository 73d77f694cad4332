"""Markdown tables."""

from collections.abc import Iterable, Sequence


def table(
    headers: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    align: str = "l",
    padded: bool = False,
) -> str:
    """Return a Markdown table, without a line break at its end.

    Args:
        headers: one for each column.
        rows: of as many cells. Cells may contain Markdown; line breaks become spaces and bars are
            escaped.
        align: "l" or "r" for each column; the last one also applies to the columns after it, so
            "lr" is a column of text followed by numbers.
        padded: whether to pad cells to the width of their column, for readers of the source.
    """
    sides = align[: len(headers)].ljust(len(headers), align[-1])
    lines = [[_cell(text) for text in line] for line in (headers, *rows)]
    widths = [max(3, *map(len, cells)) if padded else 3 for cells in zip(*lines, strict=True)]
    rule = [
        "-" * (width - 1) + (":" if side == "r" else "-")
        for width, side in zip(widths, sides, strict=True)
    ]
    if padded:
        lines = [
            [
                text.rjust(width) if side == "r" else text.ljust(width)
                for text, width, side in zip(line, widths, sides, strict=True)
            ]
            for line in lines
        ]
    header, *body = lines
    return "\n".join(f"| {' | '.join(line)} |" for line in (header, rule, *body))


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
