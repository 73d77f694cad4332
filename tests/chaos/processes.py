"""Processes that are restarted with a backoff when they exit, as an orchestrator would do."""

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
from tests.chaos.self_signal import SelfSignals

if TYPE_CHECKING:
    import subprocess

# Kubernetes waits 10 s, 20 s, ... up to 300 s; a campaign uses shorter pauses to save time.
BACKOFF_SECONDS = (0.2, 4.0)
HEALTHY_SECONDS = 5.0  # uptime after which the backoff is reset
READY_TIMEOUT = 0.5

ROOT = Path(__file__).resolve().parent.parent.parent


class SupervisedProcess:
    """A process that is started, and restarted whenever it exits, while it is `wanted`.

    Args:
        name: the name of the process and of its log.
        command: a module and its arguments, for `python -m`.
        folder: for its log.
        port: of its /readyz endpoint, if it has one.

    Attributes:
        wanted: whether the process should run.
        starts: number of starts.
        exits: number of exits by exit code, negative for signals.
        self_signals: the self-signals that are requested of a detector.
    """

    def __init__(
        self, name: str, command: Sequence[str], folder: Path, *, port: int | None = None
    ) -> None:
        self.name = name
        self.wanted = False
        self.starts = 0
        self.exits: Counter[int] = Counter()
        self.log = folder / f"{name}.log"
        self.self_signals = SelfSignals(folder / f"{name}.self-signals")
        self._command = command
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._next_start = 0.0
        self._pause = BACKOFF_SECONDS[0]

    @property
    def pid(self) -> int | None:
        """The process id; None unless the process runs or is stopped."""
        return self._process.pid if self._process else None

    @property
    def steady(self) -> bool:
        """Whether it has run for a second, which is past Python's own start."""
        return self._process is not None and time.monotonic() - self._started > 1.0

    @property
    def frozen(self) -> bool:
        """Whether it is stopped by SIGSTOP."""
        try:
            return bool(psutil.Process(self.pid).status() == psutil.STATUS_STOPPED)
        except psutil.NoSuchProcess:
            return False

    def ready(self) -> bool:
        """Return whether it has partitions assigned, according to its /readyz endpoint."""
        connection = HTTPConnection("127.0.0.1", self._port, timeout=READY_TIMEOUT)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == HTTPStatus.OK
        except OSError:
            return False
        finally:
            connection.close()

    def tick(self) -> None:
        """Count an exit, and start the process if it is wanted and the backoff has passed."""
        if self._process is not None and (code := self._process.poll()) is not None:
            self._process = None
            self.exits[code] += 1
            self._back_off()
        if self.wanted and self._process is None and time.monotonic() >= self._next_start:
            self._start()

    def send(self, number: signal.Signals) -> bool:
        """Send a signal; return False if the process is not running."""
        if self._process is None or self._process.poll() is not None:
            return False
        self._process.send_signal(number)
        return True

    def kill(self) -> None:
        """Kill the process for good."""
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
        if time.monotonic() - self._started > HEALTHY_SECONDS:
            self._pause = BACKOFF_SECONDS[0]
        self._next_start = time.monotonic() + self._pause
        self._pause = min(2 * self._pause, BACKOFF_SECONDS[1])
