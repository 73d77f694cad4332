"""What the test processes of one run share: a folder, and locks between them."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


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
