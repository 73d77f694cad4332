"""Signals that a detector sends to itself at a step of a commit, at the campaign's request.

A request is a file. Sending the signal renames it and withdrawing the request deletes it; both are
atomic, so exactly one of them happens.
"""

import logging
import os
import signal
import threading
from pathlib import Path

import msgspec

from consumer.commit.sink import CommitStep

PENDING = ".pending"
SENT = ".sent"


class SelfSignal(msgspec.Struct, frozen=True):
    """A request.

    Attributes:
        number: identifies the request; lower numbers are served first.
        signal: SIGKILL or SIGSTOP.
        step: the step of a commit.
        visit: the visit of that step, counted from 1.
        delay: seconds after the step, so that the signal interrupts a request to Kafka.
    """

    number: int
    signal: int
    step: CommitStep
    visit: int
    delay: float = 0.0


class SelfSignals:
    """The requests of one detector, as the campaign sees them.

    Args:
        folder: created if missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def request(self, signal: SelfSignal) -> None:
        """Ask the detector, or its successor after a restart, for a signal."""
        pending = self.folder / f"{signal.number:06d}{PENDING}"
        fresh = pending.with_suffix(".new")
        fresh.write_bytes(msgspec.json.encode(signal))
        fresh.rename(pending)

    def withdraw(self, number: int) -> bool:
        """Withdraw a request; return False if its signal is sent already."""
        try:
            (self.folder / f"{number:06d}{PENDING}").unlink()
        except FileNotFoundError:
            return False
        return True

    def sent(self, number: int) -> bool:
        """Return whether the signal is sent."""
        return (self.folder / f"{number:06d}{SENT}").exists()


class SelfSignalHook:
    """The detector's side: sends the requested signals, one after the other."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._requested: tuple[Path, SelfSignal] | None = None
        self._visits = 0

    def hook(self, step: CommitStep) -> None:
        """Send the requested signal if its step is reached: `consumer.commit.sink.CommitHook`."""
        if self._requested is None or not self._requested[0].exists():
            self._read()
        if self._requested is None:
            return
        path, requested = self._requested
        self._visits += step is requested.step
        if step is requested.step and self._visits == requested.visit:
            self._requested = None
            self._send(path, requested)

    def _read(self) -> None:
        self._requested = None
        self._visits = 0
        for path in sorted(self._folder.glob(f"*{PENDING}")):
            try:
                self._requested = path, msgspec.json.decode(path.read_bytes(), type=SelfSignal)
            except FileNotFoundError:  # withdrawn
                continue
            return

    def _send(self, path: Path, requested: SelfSignal) -> None:
        try:
            path.rename(path.with_suffix(SENT))
        except FileNotFoundError:  # withdrawn
            return
        logging.getLogger(__name__).info(
            "Injected: %s at %s.", signal.Signals(requested.signal).name, requested.step
        )
        if requested.delay:
            threading.Timer(requested.delay, os.kill, (os.getpid(), requested.signal)).start()
        else:
            os.kill(os.getpid(), requested.signal)
