"""Putting what was measured into a page, between two marks, and leaving the rest as it is."""

import os
import platform
from pathlib import Path
from tempfile import NamedTemporaryFile

from benchmarks.harness.errors import BenchmarkError


def cores() -> int:
    """Return how many cores we may use (`taskset -c 0,1` gives two), where the system tells."""
    return len(getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count() or 1))(0))


def machine() -> str:
    """Return what was measured on, in a few words, and how busy it was."""
    system, load = f"{platform.system()} {platform.machine()}", os.getloadavg()[0]
    number = cores()
    return f"{number} core{'s' if number > 1 else ''}, {system}, load {load:.1f} at the start"


def table(heads: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table, aligned; the first column is text, the others are numbers."""
    widths = [max(3, *map(len, column)) for column in zip(heads, *rows, strict=True)]
    aligned = [
        [cells[0].ljust(widths[0]), *(map(str.rjust, cells[1:], widths[1:]))]
        for cells in (heads, *rows)
    ]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    lines = (aligned[0], rule, *aligned[1:])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def write_section(page: Path, name: str, text: str) -> None:
    """Replace the page's section of that name, or add it at the end; the page need not exist.

    A section lies between `<!-- NAME: begin -->` and `<!-- NAME: end -->`.

    Raises:
        BenchmarkError: if the page has only the section's first mark, or cannot be read or
            written; it is then as it was.
    """
    try:
        _replace_section(page, f"<!-- {name}: begin -->", f"<!-- {name}: end -->", text)
    except OSError as error:
        raise BenchmarkError(f"Cannot write {page}: {error.strerror}.") from error


def _replace_section(page: Path, begin: str, end: str, text: str) -> None:
    before = page.read_text(encoding="utf-8") if page.exists() else ""
    head, found, rest = before.partition(begin)
    if found and end not in rest:
        raise BenchmarkError(f"{page} has {begin} and no {end} after it; add it.")
    tail = rest.partition(end)[2] if found else "\n"
    if head and not found:
        head = head.rstrip("\n") + "\n\n"
    page.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile("w", dir=page.parent, encoding="utf-8", delete=False) as file:
        temporary = Path(file.name)
        try:
            file.write(f"{head}{begin}\n{text.strip()}\n{end}{tail}")
            file.flush()
            os.fsync(file.fileno())
            temporary.chmod(0o644)
            temporary.replace(page)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
