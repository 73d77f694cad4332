"""Report pages: the machine, and sections that a benchmark rewrites."""

import os
import platform
from pathlib import Path
from tempfile import NamedTemporaryFile

from benchmarks.harness.errors import BenchmarkError


def cores() -> int:
    """Return how many cores this process may use: two under `taskset -c 0,1`."""
    return len(getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count() or 1))(0))


def machine() -> str:
    """Return the cores, the platform and the load average, as reports state them."""
    system, load = f"{platform.system()} {platform.machine()}", os.getloadavg()[0]
    number = cores()
    return f"{number} core{'s' if number > 1 else ''}, {system}, load {load:.1f} at the start"


def write_section(page: Path, name: str, text: str) -> None:
    """Replace a section of a page, or append it; the page is created if it does not exist.

    A section lies between `<!-- NAME: begin -->` and `<!-- NAME: end -->`.

    Raises:
        BenchmarkError: if the page cannot be read or written, or has the section's first mark
            only; the page is unchanged then.
    """
    try:
        _replace_section(page, f"<!-- {name}: begin -->", f"<!-- {name}: end -->", text)
    except OSError as error:
        raise BenchmarkError(f"Cannot write {page}: {error.strerror}.") from error


def _replace_section(page: Path, begin: str, end: str, text: str) -> None:
    before = page.read_text(encoding="utf-8") if page.exists() else ""
    head, mark, rest = before.partition(begin)
    if mark and end not in rest:
        raise BenchmarkError(f"{page} has {begin} and no {end} after it; add it.")
    tail = rest.partition(end)[2] if mark else "\n"
    if head and not mark:
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
