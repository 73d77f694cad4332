"""What a process and all it started take of the machine: CPU time and memory, by sampling."""

import threading
import time
from types import TracebackType
from typing import Self

import numpy as np
import psutil

SAMPLE_SECONDS = 0.1


class Usage:
    """Watches a process and its descendants while the block runs.

    Args:
        pid: of the process.

    Attributes:
        moments: of each sample, nanoseconds of the monotonic clock.
        cpu_seconds: user and system time of all of them until then, those that ended included.
        megabytes: resident memory of all of them then, in MB of 10**6 bytes; what two of them
            share counts twice.
    """

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._cpu: dict[int, float] = {}
        self.moments: list[int] = []
        self.cpu_seconds: list[float] = []
        self.megabytes: list[float] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()

    def cpu_between(self, first: int, last: int) -> float:
        """Return the CPU seconds from one moment to another, in a line between two samples."""
        begin, end = np.interp([first, last], self.moments, self.cpu_seconds)
        return float(end - begin)

    @property
    def peak_megabytes(self) -> float:
        """The most memory that was seen."""
        return max(self.megabytes)

    def _watch(self) -> None:
        while True:
            self._sample()
            if self._ended.wait(SAMPLE_SECONDS):
                return

    def _sample(self) -> None:
        resident = 0
        for process in family(self._root):
            try:
                with process.oneshot():
                    times = process.cpu_times()
                    resident += process.memory_info().rss
            except psutil.Error:
                continue  # it has just ended
            self._cpu[process.pid] = times.user + times.system
        self.moments.append(time.monotonic_ns())
        self.cpu_seconds.append(sum(self._cpu.values()))
        self.megabytes.append(resident / 1e6)


def family(root: psutil.Process) -> list[psutil.Process]:
    """Return the process and its descendants; nothing when it has ended."""
    try:
        return [root, *root.children(recursive=True)]
    except psutil.Error:
        return []
