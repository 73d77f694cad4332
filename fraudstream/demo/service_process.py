"""A service that the demo runs as a separate process, as a user would."""

import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from broker.process import start_tied
from fraudstream.demo.errors import ServiceFailedError

READY_SECONDS = 60.0
STOP_SECONDS = 30.0
POLL_SECONDS = 0.05
LOG_LINES = 15

# A proxy that the environment names (`http_proxy`) could not reach this machine's own 127.0.0.1.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class ServiceProcess:
    """A running `fraudstream` command, stopped at the end of the `with` statement.

    Args:
        name: the command, for example "detect".
        arguments: its options, without `--metrics`.
        folder: folder of its output, NAME.out and NAME.log.
        port: of its metrics.
        environment: variables of the process; None for those of this one.
    """

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        *,
        folder: Path,
        port: int,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.metrics = f"127.0.0.1:{port}"
        self.log = folder / f"{name}.log"
        self._output = folder / f"{name}.out"
        with self._output.open("wb") as out, self.log.open("wb") as log:
            self._process = start_tied(
                [sys.executable, "-m", "fraudstream", name, "--metrics", self.metrics, *arguments],
                stdout=out,
                stderr=log,
                env=environment,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def wait_until_ready(self) -> None:
        """Block until /readyz answers 200.

        Raises:
            ServiceFailedError: if the process exits or is not ready within a minute.
        """
        deadline = time.monotonic() + READY_SECONDS
        while not self._is_ready():
            self.check()
            if time.monotonic() > deadline:
                raise ServiceFailedError(
                    self._failure(f"was not ready after {READY_SECONDS:.0f} s")
                )
            time.sleep(POLL_SECONDS)

    def check(self) -> None:
        """Check that the process is running.

        Raises:
            ServiceFailedError: if it is not; the message has the end of its log.
        """
        code = self._process.poll()
        if code is not None:
            raise ServiceFailedError(self._failure(f"exited with code {code}"))

    def scrape(self) -> str:
        """Return its metrics in Prometheus' text format, or "" if it does not answer."""
        try:
            with _DIRECT.open(f"http://{self.metrics}/metrics", timeout=5) as answer:
                return str(answer.read().decode())
        except OSError:
            return ""

    def stop(self) -> str:
        """Stop the process, wait for it, and return its stdout.

        Raises:
            ServiceFailedError: if it does not exit with code 0.
        """
        self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            raise ServiceFailedError(
                self._failure(f"did not exit within {STOP_SECONDS:.0f} s of SIGTERM")
            ) from None
        if code != 0:
            raise ServiceFailedError(self._failure(f"exited with code {code}"))
        return self._output.read_text()

    def _is_ready(self) -> bool:
        try:
            with _DIRECT.open(f"http://{self.metrics}/readyz", timeout=5):
                return True
        except OSError:
            return False

    def _failure(self, event: str) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-LOG_LINES:]
        return "\n  ".join([f"fraudstream {self.name} {event}; the end of its log:", *lines])
