"""Prometheus' programs: those on the PATH, or those that `make test` fetched."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent.parent
FETCHED = ROOT / ".cache" / "prometheus" / "usr" / "bin"


@pytest.fixture(scope="session")
def program() -> Callable[[str], Path]:
    """Return where `prometheus` or `promtool` lies; a test is skipped where it is not."""

    def find(name: str) -> Path:
        found = shutil.which(name, path=f"{os.environ.get('PATH', '')}{os.pathsep}{FETCHED}")
        if found is None:
            pytest.skip(
                f"no {name}: install Prometheus (Debian and Ubuntu: apt-get install prometheus; "
                "macOS: brew install prometheus), or run `make test` where apt-get reaches a mirror"
            )
        return Path(found)

    return find
