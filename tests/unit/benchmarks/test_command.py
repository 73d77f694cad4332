import signal
from collections.abc import Iterator

import pytest

from benchmarks.harness.command import errors_in_one_sentence
from benchmarks.harness.errors import BenchmarkError
from broker.errors import BrokerError


@pytest.fixture(autouse=True)
def sigterm() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (BenchmarkError("Too few records."), "Error: Too few records."),
        (BrokerError("No Kafka."), "Error: No Kafka."),
        (
            BenchmarkError("Too few records.", hint="Send more."),
            "Error: Too few records. Send more.",
        ),
        (KeyboardInterrupt(), "Stopped; nothing was written."),
    ],
)
def test_a_failure_exits_with_one_sentence(error: BaseException, sentence: str) -> None:
    with pytest.raises(SystemExit) as exit_, errors_in_one_sentence():
        raise error
    assert exit_.value.code == sentence


def test_sigterm_stops_a_benchmark_as_ctrl_c_does() -> None:
    with pytest.raises(SystemExit, match="Stopped"), errors_in_one_sentence():
        signal.raise_signal(signal.SIGTERM)


def test_a_defect_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError), errors_in_one_sentence():
        raise ZeroDivisionError
