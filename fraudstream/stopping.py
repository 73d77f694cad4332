"""Ctrl-C and SIGTERM: a wish heard between two steps of the work, or an interrupt at any place."""

import signal
import threading
from types import FrameType

_interrupted = threading.Event()


def interrupt(_number: int, _frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt, and keep in mind that it was raised."""
    _interrupted.set()
    raise KeyboardInterrupt


def note_interrupts() -> None:
    """Have Ctrl-C do what it does in Python, so that `was_interrupted` can tell afterwards."""
    _interrupted.clear()
    # Whoever started us with it ignored, as a shell does in the background, wants it so.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, interrupt)


def was_interrupted() -> bool:
    """Tell whether an exception may be an interrupt in disguise.

    Kafka's client makes a TypeError of one that comes while it reads its settings.
    """
    return _interrupted.is_set()


def stop_on_signals() -> threading.Event:
    """Return an event that the first SIGINT or SIGTERM sets; the second one interrupts at once."""
    stop = threading.Event()

    def ask(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            interrupt(number, frame)
        stop.set()

    signal.signal(signal.SIGINT, ask)
    signal.signal(signal.SIGTERM, ask)
    return stop


def interrupt_on_sigterm() -> None:
    """Have SIGTERM (and a terminal that is closed) do what Ctrl-C does: KeyboardInterrupt."""
    signal.signal(signal.SIGTERM, interrupt)
    signal.signal(signal.SIGHUP, interrupt)
