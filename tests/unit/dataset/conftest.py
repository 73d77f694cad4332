from collections.abc import Callable
from pathlib import Path

import pytest

from dataset.columns import COLUMNS

HEADER = ",".join(f'"{name}"' for name in COLUMNS)


@pytest.fixture
def line() -> Callable[..., str]:
    def make(time: str = "0", v: str = "0.5", amount: str = "1.5", label: str = '"0"') -> str:
        return ",".join([time, *[v] * 28, amount, label])

    return make


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., Path]:
    """Write the header and these lines to a file."""

    def make(*lines: str, header: str = HEADER, end: str = "\n", name: str = "some.csv") -> Path:
        path = tmp_path / name
        path.write_text("".join(text + end for text in (header, *lines)), newline="")
        return path

    return make
