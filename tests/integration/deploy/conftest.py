"""Prometheus' programs, from the PATH or fetched by `make test`."""

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.operations.deployed import find


@pytest.fixture(scope="session")
def program() -> Callable[[str], Path]:
    """Return the path of `prometheus` or `promtool`; skip the test if it is missing."""

    def found(name: str) -> Path:
        path = find(name)
        if path is None:
            pytest.skip(
                f"no {name}: install Prometheus (Debian and Ubuntu: apt-get install prometheus; "
                "macOS: brew install prometheus), or run `make test` where apt-get reaches a mirror"
            )
        return path

    return found
