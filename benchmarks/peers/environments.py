"""An environment for each peer whose pins are its own, made by uv on first use, in `.cache/peers`.

`requirements/NAME.in` says what a peer is, `requirements/NAME.txt` pins all that comes with it.
`uv pip compile --python-version 3.11 --no-emit-index-url --no-annotate NAME.in -o NAME.txt` makes
the second anew. `requirements/NAME.jars`, where there is one, lists what a peer's JVM needs of
Maven's: coordinate, size and sha256.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.harness.errors import BenchmarkError
from broker.jars import Jar, resolve

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache" / "peers"
REQUIREMENTS = Path(__file__).with_name("requirements")

# The newest that all of them have wheels for; uv finds it, or fetches it.
PYTHON = "3.11"

_REASON_LINES = 5


def is_made(name: str) -> bool:
    """Tell whether the environment is there, with what is pinned now."""
    kept = CACHE / name / REQUIREMENTS.name
    return kept.exists() and kept.read_text() == _pinned(name)


def make(name: str) -> None:
    """Make the environment, unless it is there.

    Raises:
        BenchmarkError: if uv cannot; with the end of what it says.
        JarsError: if a jar cannot be fetched.
    """
    if is_made(name):
        return
    print(f"Installing {name} into {CACHE / name}, this once ...", file=sys.stderr)
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
    """Return what the environment has of its peer: the first line of its requirements."""
    first = (REQUIREMENTS / f"{name}.in").read_text().splitlines()[0]
    return first.partition("==")[2]


def _jars(name: str) -> list[Jar]:
    listed = REQUIREMENTS / f"{name}.jars"
    rows = map(str.split, listed.read_text().splitlines()) if listed.exists() else ()
    return [Jar(coordinate, int(size), sha256) for coordinate, size, sha256 in rows]


def _pinned(name: str) -> str:
    """Return all that is pinned, as text."""
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
        raise BenchmarkError(f"The environment of {name} cannot be made; uv says:\n  {reason}")
