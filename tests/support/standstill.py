"""Pausing or acting at an exact point: in a batch, or at a step of a commit."""

import threading
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from consumer.commit.sink import CommitHook, CommitStep
from tests.support.detector import PATIENCE, KnownModel


class Standstill:
    """A point at which a thread pauses the first time it gets there, until it is released."""

    def __init__(self) -> None:
        self._here = threading.Event()
        self._released = threading.Event()

    def __call__(self) -> None:
        if not self._here.is_set():
            self._here.set()
            assert self._released.wait(PATIENCE)

    def wait(self) -> None:
        """Block until the thread is paused there."""
        assert self._here.wait(PATIENCE)

    def release(self) -> None:
        """Release the thread, and pause no other."""
        self._here.set()
        self._released.set()


class HeldModel(KnownModel):
    """A model that pauses with its first batch."""

    def __init__(self, standstill: Standstill) -> None:
        super().__init__()
        self._standstill = standstill

    def __call__(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        self._standstill()
        return super().__call__(features)


def at(step: CommitStep, act: Callable[[], object]) -> CommitHook:
    """Return a hook that acts each time a commit reaches this step."""

    def hook(here: CommitStep) -> None:
        if here is step:
            act()

    return hook
