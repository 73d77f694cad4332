"""A virtual environment for each peer with pins of its own, which uv makes in `.cache/peers`.

`requirements/NAME.in` lists the peer's requirements, `requirements/NAME.txt` pins all of them.
`uv pip compile --python-version 3.11 --no-emit-index-url --no-annotate NAME.in -o NAME.txt`
recompiles the pins. `requirements/NAME.jars`, if there is one, lists the jars that the peer's JVM
needs from Maven: coordinate, size and sha256.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.harness.errors import BenchmarkError
from benchmarks.harness.programs import ROOT
from broker.jars import Jar, resolve

CACHE = ROOT / ".cache" / "peers"
REQUIREMENTS = Path(__file__).with_name("requirements")

# The newest that all peers have wheels for; uv finds or downloads it.
PYTHON = "3.11"

_REASON_LINES = 5


def is_made(name: str) -> bool:
    """Return whether the environment exists, with the current pins."""
    kept = CACHE / name / REQUIREMENTS.name
    return kept.exists() and kept.read_text() == _pinned(name)


def make(name: str) -> None:
    """Create the environment if it does not exist with the current pins.

    Raises:
        BenchmarkError: with the end of uv's output, if uv fails.
        JarsError: if a jar cannot be downloaded.
    """
    if is_made(name):
        return
    print(f"Installing {name} into {CACHE / name} (first time only) ...", file=sys.stderr)
    folder = CACHE / name
    shutil.rmtree(folder, ignore_errors=True)
    _uv(name, "venv", "--python", PYTHON, str(folder))
    _uv(
        name,
        *("pip", "install", "--compile-bytecode"),
        *("--python", str(python(name)), "--requirements", str(REQUIREMENTS / f"{name}.txt")),
    )
    resolve(folder / "jars", jars=_jars(name))
    (folder / REQUIREMENTS.name).write_text(_pinned(name))


def python(name: str) -> Path:
    """Return the environment's Python."""
    return CACHE / name / "bin" / "python"


def version(name: str) -> str:
    """Return the peer's version, from the first line of its requirements."""
    first = (REQUIREMENTS / f"{name}.in").read_text().splitlines()[0]
    return first.partition("==")[2]


def _jars(name: str) -> list[Jar]:
    listed = REQUIREMENTS / f"{name}.jars"
    rows = map(str.split, listed.read_text().splitlines()) if listed.exists() else ()
    return [Jar(coordinate, int(size), sha256) for coordinate, size, sha256 in rows]


def _pinned(name: str) -> str:
    """Return all pins, as text."""
    files = (REQUIREMENTS / f"{name}.{kind}" for kind in ("txt", "jars"))
    return "".join(file.read_text() for file in files if file.exists())


def _uv(name: str, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "uv", "--quiet", *arguments],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        reason = "\n  ".join(done.stderr.strip().splitlines()[-_REASON_LINES:])
        raise BenchmarkError(
            f"The environment of {name} cannot be created; the end of uv's output:\n  {reason}"
        )
