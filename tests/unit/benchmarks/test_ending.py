import signal
from collections.abc import Iterator

import pytest

from benchmarks.harness.ending import in_a_sentence
from benchmarks.harness.errors import BenchmarkError
from broker.errors import BrokerError


@pytest.fixture(autouse=True)
def sigterm() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (BenchmarkError("Too few records."), "Error: Too few records."),
        (BrokerError("No Kafka."), "Error: No Kafka."),
        (KeyboardInterrupt(), "Stopped; nothing was written."),
    ],
)
def test_it_ends_with_a_sentence(raised: BaseException, said: str) -> None:
    with pytest.raises(SystemExit) as ending, in_a_sentence():
        raise raised
    assert ending.value.code == said


def test_sigterm_is_ctrl_c() -> None:
    with pytest.raises(SystemExit, match="Stopped"), in_a_sentence():
        signal.raise_signal(signal.SIGTERM)


def test_a_defect_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError), in_a_sentence():
        raise ZeroDivisionError
