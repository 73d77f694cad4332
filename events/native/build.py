"""Compiles the C code of this package: `python -m events.native.build`.

Installing fraudstream does the same (hatch_build.py). It takes a C compiler: the one that the
variable CC names, one on the PATH, or that of the wheel `ziglang`.
"""

import hashlib
import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from events.errors import NativeCodeError

SOURCE = Path(__file__).with_name("transactions.c")
_FLAGS = ("-std=c11", "-O2", "-shared", "-fPIC")


def library_path() -> Path:
    """Return where the library of the present source is, or would be.

    The source's hash is part of its name, so the library of another source is never loaded.
    """
    digest = hashlib.sha256(SOURCE.read_bytes()).hexdigest()
    return SOURCE.with_name(f"transactions-{digest[:16]}.so")


def build() -> Path:
    """Compile the library, remove those of other sources, and return its path.

    Raises:
        NativeCodeError: if there is no compiler, or none that succeeds.
    """
    library = library_path()
    unfinished = library.with_suffix(f".{os.getpid()}")
    failures = []
    for compiler in compilers():
        try:
            compile_c(compiler, _FLAGS, SOURCE, unfinished)
            unfinished.replace(library)
        except (OSError, subprocess.CalledProcessError) as error:
            failures.append(f"{compiler[0]}: {getattr(error, 'stderr', None) or error}".strip())
            continue
        finally:
            unfinished.unlink(missing_ok=True)
        for other in set(library.parent.glob("transactions-*.so")) - {library}:
            other.unlink(missing_ok=True)
        return library
    raise NativeCodeError(
        f"{SOURCE} cannot be compiled: {'; '.join(failures) or 'there is no C compiler'}."
    )


def compilers() -> Iterator[list[str]]:
    """Yield the C compilers of this machine, as the first words of a command line."""
    if chosen := shlex.split(os.environ.get("CC", "")):
        yield chosen
        return
    for name in ("cc", "gcc", "clang"):
        if path := shutil.which(name):
            yield [path]
    if importlib.util.find_spec("ziglang"):
        yield [sys.executable, "-m", "ziglang", "cc"]


def compile_c(compiler: list[str], flags: tuple[str, ...], source: Path, target: Path) -> None:
    """Compile a C file.

    Raises:
        OSError: if the compiler cannot be run.
        CalledProcessError: if it does not succeed.
    """
    command = [*compiler, *flags, "-o", str(target), str(source)]
    subprocess.run(command, check=True, capture_output=True, text=True)


if __name__ == "__main__":
    print(build())
