"""CPU time and memory of a process and its descendants, by sampling."""

import threading
import time
from types import TracebackType
from typing import Self

import numpy as np
import psutil

SAMPLE_SECONDS = 0.1


class Usage:
    """Samples a process and its descendants while the block runs.

    Args:
        pid: of the process.

    Attributes:
        moments: of each sample, nanoseconds of the monotonic clock.
        cpu_seconds: user and system time of all processes so far, ended ones included.
        megabytes: resident memory of all processes, in MB of 10**6 bytes; pages that two of
            them share count twice.
    """

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample_until_ended, daemon=True)
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
        """Return the CPU seconds between two moments, interpolated linearly between samples."""
        begin, end = np.interp([first, last], self.moments, self.cpu_seconds)
        return float(end - begin)

    @property
    def peak_megabytes(self) -> float:
        """The largest sample of resident memory."""
        return max(self.megabytes)

    def _sample_until_ended(self) -> None:
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
                continue  # the process has just ended
            self._cpu[process.pid] = times.user + times.system
        self.moments.append(time.monotonic_ns())
        self.cpu_seconds.append(sum(self._cpu.values()))
        self.megabytes.append(resident / 1e6)


def family(root: psutil.Process) -> list[psutil.Process]:
    """Return the process and its descendants; an empty list if it has ended."""
    try:
        return [root, *root.children(recursive=True)]
    except psutil.Error:
        return []
