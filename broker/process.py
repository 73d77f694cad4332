"""Child processes that never outlive their parent, even if the parent is killed with SIGKILL."""

import os
import subprocess
import sys
import threading
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_LAUNCHER = Path(__file__).with_name("launcher.py")


def start_tied(command: Sequence[str | Path], **arguments: Any) -> subprocess.Popen[Any]:
    """Start a command that is killed (SIGKILL) when this process ends for any reason.

    The returned process is the command itself: pid, signals and exit code are the command's, so
    `terminate()` requests an orderly shutdown. The command leads its own process group, because
    Ctrl-C in a terminal goes to the whole foreground group: this way only the parent receives
    it, and can stop its children in the right order.

    On Linux the kernel kills the child when the *thread* that started it ends. From any thread
    but the main one, and on other systems, a small watcher process holds a pipe that breaks when
    the parent ends or drops the returned process.

    Args:
        command: program and arguments.
        arguments: as for `subprocess.Popen`; standard input defaults to /dev/null.

    Raises:
        OSError: if Python itself cannot be started. If the command cannot be started, the
            process exits with code 127 and the reason on standard error.
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
    watched, held = os.pipe()
    try:
        inherited = (*arguments.pop("pass_fds", ()), watched)
        process = subprocess.Popen(
            _launch("pipe", str(watched), command), pass_fds=inherited, **arguments
        )
    except BaseException:
        os.close(held)
        raise
    finally:
        os.close(watched)
    # The pipe breaks, and the child is killed, when the write end is closed: when this process
    # ends, or at the latest when nobody refers to the child any more.
    weakref.finalize(process, os.close, held)
    return process


def _launch(tie: str, parent: str, command: Sequence[str | Path]) -> list[str]:
    # Isolated and without site-packages, Python starts in about 15 ms.
    return [sys.executable, "-I", "-S", str(_LAUNCHER), tie, parent, *map(str, command)]
