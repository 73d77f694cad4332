"""A pytest plugin: a test fails that leaks a thread, a child process or a file descriptor.

Resources are counted before a test's setup and after its teardown, function fixtures included.
Resources of wider fixtures (module, session) belong to those fixtures, not to the test that
happens to set them up. Threads and processes need a moment to end, so a leak counts only after
the seconds of `leak_grace` in the configuration.
"""

import gc
import re
import threading
import time
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import suppress
from multiprocessing import resource_tracker
from pathlib import Path

import psutil
import pytest

PAUSE = 0.02  # seconds between two looks at the resources of a test that has ended

COMMAND_SECONDS = 2.0

# Threads that a library starts once for the whole process, by the beginning of their names.
LIBRARY_THREADS = {
    "pydevd": "a debugger, which watches the whole process",
}

# Child processes that serve the whole test process, by a part of their command line.
LIBRARY_PROCESSES = {
    "multiprocessing.resource_tracker": "multiprocessing keeps one for the whole process",
    "multiprocessing.forkserver": "multiprocessing keeps one for the whole process",
}

# Files that a library opens once and keeps open, by a regular expression.
LIBRARY_FILES = {
    r"/dev/(null|u?random)$": "opened once by the standard library and by BLAS",
    r".*\.ttf$": "Matplotlib keeps the fonts of its pictures open",
    r"/dev/nvidia": "CUDA keeps the devices open",
    r"/(proc|sys)/": "TensorFlow and psutil keep files about the machine open",
}

_DESCRIPTORS = Path("/dev/fd")
_INODE = re.compile(r":\[\d+\]$")  # as in "socket:[4711]"
_failed = pytest.StashKey[bool]()
_before = pytest.StashKey["Counter[str]"]()


def resources() -> "Counter[str]":
    """Count this process's threads, children and file descriptors by description.

    Children are described by their command line, so a broker that a test restarts is the same.
    """
    return Counter([*_threads(), *_children(), *_descriptors()])


def _threads() -> Iterator[str]:
    for thread in threading.enumerate():
        if not thread.name.startswith(tuple(LIBRARY_THREADS)):
            yield f"thread {thread.name} ({thread.ident})"


def _child_processes() -> list[psutil.Process]:
    tasks = Path("/proc/self/task")
    if not tasks.is_dir():  # not Linux
        return psutil.Process().children()
    # A thirtieth of the time that psutil takes, which reads every process of the machine.
    children = []
    for task in tasks.iterdir():
        with suppress(OSError, psutil.NoSuchProcess):  # the thread, or the child, has just ended
            children += [
                psutil.Process(int(pid)) for pid in (task / "children").read_text().split()
            ]
    return children


def _children() -> Iterator[str]:
    for child in _child_processes():
        try:
            command = _command(child)
        except psutil.ZombieProcess:
            command = f"{child.name()} (ended, but not waited for)"
        except psutil.NoSuchProcess:
            continue
        if not any(part in command for part in LIBRARY_PROCESSES):
            yield f"process {command}"


def _command(process: psutil.Process) -> str:
    """Return the command line, which is empty for a moment after a process has begun."""
    deadline = time.monotonic() + COMMAND_SECONDS
    while not (words := process.cmdline()) and time.monotonic() < deadline:
        time.sleep(PAUSE)
    return " ".join(words) or process.name()


def _descriptors() -> Iterator[str]:
    # multiprocessing's resource tracker serves the whole process, through a pipe.
    tracker = getattr(resource_tracker._resource_tracker, "_fd", None)
    for descriptor in _DESCRIPTORS.iterdir():
        if descriptor.name == str(tracker):
            continue
        try:
            target = str(descriptor.readlink())
        except OSError:  # the listing's own descriptor; on macOS none is a link
            continue
        if not any(re.match(pattern, target) for pattern in LIBRARY_FILES):
            yield f"file descriptor of {_INODE.sub('', target)}"


class LeakPlugin:
    """Compares each test's resources before and after."""

    def __init__(self, grace: float) -> None:
        self._grace = grace
        self._shared: Counter[str] = Counter()

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(
        self, fixturedef: "pytest.FixtureDef[object]"
    ) -> Generator[None, object, object]:
        """Attribute what a wider fixture opens to that fixture."""
        if fixturedef.scope == "function":
            return (yield)
        before = resources()
        try:
            return (yield)
        finally:
            self._shared += resources() - before

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None]:
        self._shared.clear()
        item.stash[_before] = resources()
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        # A failure's traceback keeps the test's objects alive.
        item.stash[_failed] = item.stash.get(_failed, False) or report.failed
        return report

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None]:
        result = yield
        if not item.stash.get(_failed, False) and _before in item.stash:
            # pytest keeps the fixtures' values until after this hook, and with them their clients.
            getattr(item, "funcargs", {}).clear()
            leaked = self._leaked(item.stash[_before])
            if leaked:
                pytest.fail(f"The test leaks {', '.join(leaked)}.", pytrace=False)
        return result

    def _leaked(self, before: "Counter[str]") -> list[str]:
        deadline = time.monotonic() + self._grace
        collect_at = 0.0
        while leaked := resources() - before - self._shared:
            now = time.monotonic()
            if now > deadline:
                break
            if now > collect_at:
                gc.collect()
                collect_at = now + 1.0
            time.sleep(PAUSE)
        return [
            f"{count} times {description}" if count > 1 else description
            for description, count in leaked.items()
        ]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini(
        "leak_grace",
        "seconds that threads, processes and sockets may take to end after a test",
        default="30",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(LeakPlugin(float(config.getini("leak_grace"))), "leak detector")
