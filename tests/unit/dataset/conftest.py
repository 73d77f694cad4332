import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dataset.columns import COLUMNS
from tests.support.mirror import Mirror, Recorder

HEADER = ",".join(f'"{name}"' for name in COLUMNS)


@pytest.fixture
def line() -> Callable[..., str]:
    def make(time: str = "0", v: str = "0.5", amount: str = "1.5", label: str = '"0"') -> str:
        return ",".join([time, *[v] * 28, amount, label])

    return make


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes a header and lines to a file."""

    def make(*lines: str, header: str = HEADER, end: str = "\n", name: str = "some.csv") -> Path:
        path = tmp_path / name
        path.write_text("".join(text + end for text in (header, *lines)), newline="")
        return path

    return make


@pytest.fixture
def make_mirror() -> Iterator[Callable[[], Mirror]]:
    started: list[tuple[Mirror, threading.Thread]] = []

    def make() -> Mirror:
        mirror = Mirror()
        thread = threading.Thread(target=mirror.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        started.append((mirror, thread))
        return mirror

    yield make
    for mirror, thread in started:
        mirror.hold.set()
        mirror.shutdown()
        thread.join()
        mirror.server_close()


@pytest.fixture
def mirror(make_mirror: Callable[[], Mirror]) -> Mirror:
    return make_mirror()


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "creditcard.csv"
