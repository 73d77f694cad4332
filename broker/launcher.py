"""Tie this process to its parent, then exec a command; `broker.process` runs it as a script.

`launcher.py kernel PARENT COMMAND...`: Linux kills the command when the parent's thread ends.
`launcher.py pipe DESCRIPTOR COMMAND...`: a watcher kills the command when the pipe breaks.

The command replaces this process (exec), so no Python process stays in between, and the parent
needs no `preexec_fn`, which can deadlock in a process with threads.
"""

import ctypes
import os
import select
import signal
import sys

_PR_SET_PDEATHSIG = 1  # from <linux/prctl.h>
_CANNOT_START = 127  # a shell's exit code for a command that cannot be started


def tie_by_kernel(parent: int) -> None:
    """Request SIGKILL from the kernel for the moment the parent ends.

    Raises:
        OSError: if the kernel rejects the request.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent:
        sys.exit(0)  # the parent ended before the request


def tie_by_pipe(from_parent: int) -> None:
    """Fork a watcher that kills this process when the parent's end of the pipe closes."""
    own_read, own_write = os.pipe()
    os.set_inheritable(own_write, True)  # stays open until the command ends
    command = os.getpid()
    if os.fork() == 0:
        os.setpgid(0, 0)
        os.close(own_write)
        _watch(from_parent, own_read, command)
        os._exit(0)
    os.close(own_read)
    os.close(from_parent)


def _watch(from_parent: int, from_command: int, command: int) -> None:
    """Wait until the command or the parent ends; in the latter case kill the command."""
    ended, _, _ = select.select([from_parent, from_command], [], [])
    if from_command not in ended:
        os.kill(command, signal.SIGKILL)


def main(tie: str, parent: str, *command: str) -> None:
    """Tie this process to its parent (a pid or a pipe's descriptor) and exec the command."""
    (tie_by_kernel if tie == "kernel" else tie_by_pipe)(int(parent))
    try:
        os.execvp(command[0], command)  # noqa: S606 - no shell is wanted
    except OSError as error:
        print(f"Cannot start {command[0]}: {error.strerror}.", file=sys.stderr)
        sys.exit(_CANNOT_START)


if __name__ == "__main__":
    main(*sys.argv[1:])
