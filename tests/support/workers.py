"""What the test processes of one run share: units of work, a folder, and locks between them."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling


class UnitScheduling(LoadScopeScheduling):  # type: ignore[misc] # xdist ships no types
    """Gives a worker that is nearly done the next unit of work, in the order of the collection.

    Args:
        config: the run's.
        log: xdist's.
        unit_of: from a test's node id to the name of its unit.
    """

    def __init__(self, config: pytest.Config, log: Producer, unit_of: Callable[[str], str]) -> None:
        super().__init__(config, log)
        self._unit_of = unit_of

    def _split_scope(self, nodeid: str) -> str:
        return self._unit_of(nodeid)


def shared_folder(factory: pytest.TempPathFactory) -> Path:
    """Return a folder that all workers of this run see; the run removes it like `tmp_path`."""
    base = factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@contextmanager
def shared_lock(factory: pytest.TempPathFactory, name: str) -> Iterator[None]:
    """Hold a lock of this name; one worker at a time does."""
    with (shared_folder(factory) / f"{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
