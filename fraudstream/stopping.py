"""Ctrl-C and SIGTERM: a flag that is checked between steps, or a KeyboardInterrupt anywhere."""

import signal
import threading
from types import FrameType

_interrupted = threading.Event()


def interrupt(_number: int, _frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt, and record that it was raised."""
    _interrupted.set()
    raise KeyboardInterrupt


def record_interrupts() -> None:
    """Record Ctrl-C for `was_interrupted`; otherwise it works as Python's default does."""
    _interrupted.clear()
    # If our parent set it to be ignored, as a shell does for background jobs, it stays ignored.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, interrupt)


def was_interrupted() -> bool:
    """Whether Ctrl-C was pressed, in which case another exception may be its consequence.

    Kafka's client turns an interrupt during the parsing of its settings into a TypeError.
    """
    return _interrupted.is_set()


def stop_on_signals() -> threading.Event:
    """Return an event that the first SIGINT or SIGTERM sets; the second one interrupts at once."""
    stop = threading.Event()

    def request_stop(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            interrupt(number, frame)
        stop.set()

    signal.signal(signal.SIGINT, request_stop)
    signal.signal(signal.SIGTERM, request_stop)
    return stop


def interrupt_on_sigterm() -> None:
    """Raise KeyboardInterrupt on SIGTERM and SIGHUP (a closed terminal), as Ctrl-C does."""
    signal.signal(signal.SIGTERM, interrupt)
    signal.signal(signal.SIGHUP, interrupt)
