"""Child processes that never outlive their parent, even when that is killed with -9."""

import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_LAUNCHER = Path(__file__).with_name("launcher.py")


def start_tied(command: Sequence[str | Path], **arguments: Any) -> subprocess.Popen[Any]:
    """Start a command that is killed (SIGKILL) when this process ends, however that ends.

    The process is the command itself: its pid, signals and exit code are the command's, so
    `terminate()` asks it to end orderly. It leads a process group of its own, because Ctrl-C in
    a terminal goes to the whole foreground group at once: only the parent hears it, and ends its
    children in the order that is right.

    On Linux the kernel ties the two, and it watches the *thread* that starts the child; from
    another thread than the main one, and on other systems, a small process beside the command
    watches a pipe that breaks when the parent ends.

    Args:
        command: program and arguments.
        arguments: as for `subprocess.Popen`; standard input is nothing unless given.

    Raises:
        OSError: if Python itself cannot be started. A program that cannot be started is exit
            code 127, with the reason on its standard error.
    """
    by_kernel = sys.platform == "linux" and threading.current_thread() is threading.main_thread()
    start = _start_tied_by_kernel if by_kernel else _start_tied_by_pipe
    return start(command, {"stdin": subprocess.DEVNULL, "process_group": 0, **arguments})


def _start_tied_by_kernel(
    command: Sequence[str | Path], arguments: dict[str, Any]
) -> subprocess.Popen[Any]:
    return subprocess.Popen(_launch("kernel", str(os.getpid()), command), **arguments)


def _start_tied_by_pipe(
    command: Sequence[str | Path], arguments: dict[str, Any]
) -> subprocess.Popen[Any]:
    # The parent's end stays open, and unreferenced, until this process ends: that is the tie.
    watched, _held = os.pipe()
    try:
        inherited = (*arguments.pop("pass_fds", ()), watched)
        return subprocess.Popen(
            _launch("pipe", str(watched), command), pass_fds=inherited, **arguments
        )
    finally:
        os.close(watched)


def _launch(tie: str, what: str, command: Sequence[str | Path]) -> list[str]:
    # Isolated and without site-packages, Python is there in about 15 ms.
    return [sys.executable, "-I", "-S", str(_LAUNCHER), tie, what, *map(str, command)]
