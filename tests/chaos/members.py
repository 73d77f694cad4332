"""Processes that are started, ended on purpose, and started again, as an orchestrator would."""

import signal
import sys
import time
from collections import Counter
from collections.abc import Sequence
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from broker.process import start_tied

if TYPE_CHECKING:
    import subprocess

# Kubernetes waits 10 s, 20 s, ... up to 300 s; a chaos run has more to do with its time.
BACKOFF_SECONDS = (0.2, 4.0)
HEALTHY_SECONDS = 5.0  # a process that lived for so long begins with the short pause again
ANSWER_SECONDS = 0.5  # that a detector has for saying whether it is ready

ROOT = Path(__file__).resolve().parent.parent.parent


class Member:
    """A process that is wanted, and so is started again when it ends.

    Args:
        name: of it and of its log.
        command: a module of ours with its arguments, for `python -m`.
        folder: for its log.
        port: where it tells whether it is ready, if it does.

    Attributes:
        wanted: whether it is started again.
        starts: how often it was started.
        endings: exit codes, negative for signals.
        orders: where a detector looks for an order.
    """

    def __init__(
        self, name: str, command: Sequence[str], folder: Path, *, port: int | None = None
    ) -> None:
        self.name = name
        self.wanted = False
        self.starts = 0
        self.endings: Counter[int] = Counter()
        self.log = folder / f"{name}.log"
        self.orders = folder / f"{name}.order"
        self._command = command
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._next_start = 0.0
        self._pause = BACKOFF_SECONDS[0]

    @property
    def pid(self) -> int | None:
        """The process's id while it runs (or stands still)."""
        return self._process.pid if self._process else None

    @property
    def steady(self) -> bool:
        """Whether it runs, and has for a second: so it is beyond Python's own start."""
        return self._process is not None and time.monotonic() - self._started > 1.0

    @property
    def frozen(self) -> bool:
        """Whether it is stopped by SIGSTOP."""
        try:
            return bool(psutil.Process(self.pid).status() == psutil.STATUS_STOPPED)
        except psutil.NoSuchProcess:
            return False

    def ready(self) -> bool:
        """Tell whether it has partitions to work on, as it says itself (/readyz)."""
        connection = HTTPConnection("127.0.0.1", self._port, timeout=ANSWER_SECONDS)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == HTTPStatus.OK
        except OSError:
            return False
        finally:
            connection.close()

    def tick(self) -> None:
        """Notice an end; start what is wanted and not there, after a pause."""
        if self._process is not None and (code := self._process.poll()) is not None:
            self._process = None
            self.endings[code] += 1
            self._back_off()
        if self.wanted and self._process is None and time.monotonic() >= self._next_start:
            self._start()

    def send(self, number: signal.Signals) -> bool:
        """Send a signal, if there is somebody to hear it."""
        if self._process is None or self._process.poll() is not None:
            return False
        self._process.send_signal(number)
        return True

    def end(self) -> None:
        """End it for good and by force: for the way out."""
        self.wanted = False
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _start(self) -> None:
        command = [sys.executable, "-m", *self._command]
        with self.log.open("ab") as log:
            self._process = start_tied(command, stdout=log, stderr=log, cwd=ROOT)
        self._started = time.monotonic()
        self.starts += 1

    def _back_off(self) -> None:
        lived = time.monotonic() - self._started
        if lived > HEALTHY_SECONDS:
            self._pause = BACKOFF_SECONDS[0]
        self._next_start = time.monotonic() + self._pause
        self._pause = min(2 * self._pause, BACKOFF_SECONDS[1])
