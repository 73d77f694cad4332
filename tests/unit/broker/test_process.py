"""Child processes end with their parent, by either mechanism and however the parent ends."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable

import psutil
import pytest

from broker.process import _start_tied_by_kernel, _start_tied_by_pipe, start_tied

WAIT = [sys.executable, "-S", "-c", "import time; print('there', flush=True); time.sleep(600)"]

# A parent that starts a child with a given function, prints the child's pid and waits.
PARENT = """
import sys, time
from broker.process import {0}
child = {0}({1!r}, {2})
print(child.pid, flush=True)
time.sleep(600)
"""

by_each_tie = pytest.mark.parametrize(
    "start",
    [
        pytest.param(
            _start_tied_by_kernel,
            marks=pytest.mark.skipif(sys.platform != "linux", reason="Linux only"),
        ),
        _start_tied_by_pipe,
    ],
)
Start = Callable[..., "subprocess.Popen[bytes]"]


@by_each_tie
def test_a_child_ends_when_its_parent_is_killed(start: Start) -> None:
    # The child inherits the parent's standard error: the pipe closes when the last of them ends.
    code = PARENT.format(start.__name__, WAIT, "{'stdout': sys.stderr}")
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        assert parent.stderr is not None
        child = psutil.Process(int(parent.stdout.readline()))
        assert parent.stderr.readline() == b"there\n"
        helpers = child.children()
        parent.kill()
        assert parent.stderr.read() == b""
        _gone, alive = psutil.wait_procs([child, *helpers], timeout=30)
        assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []


@by_each_tie
def test_the_process_is_the_command_itself(start: Start) -> None:
    code = "import os, sys; print(os.getpid(), flush=True); sys.stdin.read(); sys.exit(7)"
    with start(
        [sys.executable, "-c", code], {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        assert int(child.stdout.readline()) == child.pid
        watchers = psutil.Process(child.pid).children()
        child.stdin.close()
        assert child.wait() == 7
    _gone, alive = psutil.wait_procs(watchers, timeout=30)
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []


@by_each_tie
def test_sigterm_reaches_the_command_itself(start: Start) -> None:
    code = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))\n"
        "print('there', flush=True)\n"
        "time.sleep(600)"
    )
    with start([sys.executable, "-c", code], {"stdout": subprocess.PIPE}) as child:
        assert child.stdout is not None
        child.stdout.readline()
        child.terminate()
        assert child.wait() == 5


@by_each_tie
def test_a_missing_program_exits_with_127(start: Start) -> None:
    with start(["/no/such/program"], {"stderr": subprocess.PIPE}) as child:
        assert child.stderr is not None
        assert child.stderr.read() == b"Cannot start /no/such/program: No such file or directory.\n"
        assert child.wait() == 127


def test_a_child_does_not_receive_the_terminals_ctrl_c() -> None:
    with start_tied(WAIT, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        assert os.getpgid(child.pid) == child.pid != os.getpgrp()
        child.kill()


def test_a_child_outlives_the_thread_that_started_it() -> None:
    children: list[subprocess.Popen[bytes]] = []

    def start() -> None:
        child = start_tied(WAIT, stdout=subprocess.PIPE)
        children.append(child)
        assert child.stdout is not None
        assert child.stdout.readline() == b"there\n"  # so it is tied by now

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    with children[0] as child:
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(0.5)
        child.kill()
