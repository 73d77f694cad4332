"""Programs that a benchmark runs beside it: peers and limits, a process each."""

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.harness.errors import BenchmarkError
from benchmarks.harness.usage import family
from broker.process import start_tied

ROOT = Path(__file__).resolve().parents[2]
"""The checkout, from which programs are run."""

END_SECONDS = 20.0
LOG_LINES = 15


@dataclass(frozen=True, slots=True)
class Program:
    """A program that was started.

    Attributes:
        process: its process.
        folder: of the program; its output lies beside it.
    """

    process: "subprocess.Popen[bytes]"
    folder: Path

    @property
    def pid(self) -> int:
        """The process id."""
        return self.process.pid

    def check(self) -> None:
        """Check that the program runs.

        Raises:
            BenchmarkError: with the end of its log, if it has ended.
        """
        if self.process.poll() is not None:
            raise BenchmarkError(self.failure())

    def failure(self) -> str:
        """Return the exit code and the end of the log."""
        log = _output(self.folder, "log").read_text(errors="replace")
        tail = "\n  ".join(log.splitlines()[-LOG_LINES:])
        code = self.process.returncode
        return f"{self.folder.name} ended with exit code {code}; the end of its log:\n  {tail}"

    def stdout(self) -> str:
        """Return everything that the program has written to stdout."""
        return _output(self.folder, "out").read_text()


@contextmanager
def run_program(command: Sequence[str | Path], folder: Path) -> Iterator[Program]:
    """Run a command from the checkout; end it and its descendants with the block."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with _output(folder, "out").open("wb") as out, _output(folder, "log").open("wb") as log:
        process = start_tied(command, stdout=out, stderr=log, cwd=ROOT, env=environment)
    try:
        yield Program(process, folder)
    finally:
        _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    try:
        processes = family(psutil.Process(process.pid))
    except psutil.Error:
        processes = []
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for descendant in processes[1:]:
        if descendant.is_running():
            descendant.kill()


def _output(folder: Path, kind: str) -> Path:
    """Return a file beside the folder, since the folder belongs to the program."""
    return folder.with_name(f"{folder.name}.{kind}")
