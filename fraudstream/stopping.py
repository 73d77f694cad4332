"""Signals that end a command: a flag that is checked between steps, or a KeyboardInterrupt.

Python runs a handler between two steps of the main thread, whatever locks that thread holds. So a
handler here takes no lock: it sets attributes, and never calls `threading.Event.set`, which would
wait for ever for a thread that is inside the same event.
"""

import signal
from types import FrameType

_ENDING = ("SIGINT", "SIGTERM", "SIGHUP")  # Windows has no SIGHUP


class StopFlag:
    """Whether a command is to stop; a signal handler may set it at any moment."""

    def __init__(self) -> None:
        self._is_set = False

    def is_set(self) -> bool:
        """Return whether the command is to stop."""
        return self._is_set

    def set(self) -> None:
        """Have the command stop; takes no lock."""
        self._is_set = True


_interrupted = StopFlag()


def interrupt(_number: int, _frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt, and record that it was raised."""
    _interrupted.set()
    raise KeyboardInterrupt


def record_interrupts() -> None:
    """Record Ctrl-C for `was_interrupted`; otherwise it works as Python's default does."""
    global _interrupted  # noqa: PLW0603 - of the process
    _interrupted = StopFlag()
    # If our parent set it to be ignored, as a shell does for background jobs, it stays ignored.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, interrupt)


def was_interrupted() -> bool:
    """Whether Ctrl-C was pressed, in which case another exception may be its consequence.

    Kafka's client turns an interrupt during the parsing of its settings into a TypeError.
    """
    return _interrupted.is_set()


def stop_on_signals() -> StopFlag:
    """Return a flag that the first SIGINT, SIGTERM or SIGHUP sets; the second interrupts at once.

    SIGHUP comes when the terminal is closed; under nohup, which ignores it, it stays ignored.
    """
    stop = StopFlag()

    def request_stop(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            interrupt(number, frame)
        stop.set()

    for number in _ending_signals():
        signal.signal(number, request_stop)
    return stop


def interrupt_on_sigterm() -> None:
    """Raise KeyboardInterrupt on SIGTERM and SIGHUP (a closed terminal), as Ctrl-C does."""
    for number in _ending_signals():
        if number is not signal.SIGINT:
            signal.signal(number, interrupt)


def _ending_signals() -> list[signal.Signals]:
    """Return the signals that end a command, without a SIGHUP that our parent ignores."""
    numbers = [getattr(signal, name) for name in _ENDING if hasattr(signal, name)]
    return [
        number
        for number in numbers
        if number is not signal.Signals.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN
    ]
