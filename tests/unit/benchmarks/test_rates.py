"""When a contender keeps up with a rate, and the table of latencies."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace, TracebackType
from typing import Any, Self

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.harness.bench import Bench
from benchmarks.harness.errors import AlertsMissingError, BenchmarkError
from benchmarks.harness.load import SentLoad
from benchmarks.harness.transactions import TransactionPool
from benchmarks.speed import latency, rates
from benchmarks.speed.contenders import OURS
from benchmarks.speed.latency import LatencyAtRate
from benchmarks.speed.rates import LatencyByRate, step_up
from events.codec import Encoding
from events.topics import Topics
from kafkaio.settings import KafkaSettings

SECONDS = np.linspace(0, 10, 201)
POOLS = {Encoding.JSON: TransactionPool((), ())}
BENCH = Bench(KafkaSettings("h:1"), Path("artifact"), POOLS, Path("folder"))

Step = Callable[..., tuple[LatencyByRate, list[float]]]


def taking(seconds: NDArray[np.float64], rate: float = 1000.0) -> LatencyAtRate:
    """Return the result of alerts, spread over ten seconds, with these latencies."""
    return LatencyAtRate(rate, np.linspace(0, 10, len(seconds)), 1e3 * seconds)


def test_the_warm_up_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    # A transaction each half second, its alert 10 ms later, in the warm-up 90 ms.
    times = {b"%d" % number: number * 500_000_000 for number in range(8)}
    late = {key: 90_000_000 if moment < 10**9 else 10_000_000 for key, moment in times.items()}

    class StubLoad:
        def __init__(self, *_arguments: object) -> None:
            pass

        def send_at_rate(self, _rate: float, records: int) -> SentLoad:
            assert records == 8
            return SentLoad(records, 3.5, times)

    def wait_for(keys: dict[bytes, int], **_others: object) -> dict[bytes, list[int]]:
        return {key: [times[key] + late[key]] for key in reversed(keys)}

    subscriber: Any = SimpleNamespace(wait_for=wait_for)
    monkeypatch.setattr(latency, "LoadGenerator", StubLoad)
    monkeypatch.setattr(latency, "load_producer", lambda _settings: nullcontext())
    result = latency.measure(
        BENCH.settings,
        "topic",
        BENCH.transactions[Encoding.JSON],
        subscriber,
        name="load",
        rate=2,
        seconds=3,
        warm_up=1,
        seed=1,
    )
    assert result.rate == 2
    assert result.moments.tolist() == [0.0, 0.5, 1.0, 1.5, 2.0, 2.5]
    assert result.milliseconds.tolist() == [10.0] * 6
    assert result.holds(2.04)
    assert not result.holds(2.05)


def test_a_contender_that_processes_nine_of_ten_records_falls_behind() -> None:
    # After t seconds 0.1 t of the work are left, which take 0.1 t / 0.9 more seconds.
    slow = taking(0.02 + SECONDS * 0.1 / 0.9)
    assert slow.growth == pytest.approx(1 / 9)
    assert not slow.keeps_up


@pytest.mark.parametrize("phase", np.linspace(0, 0.9, 10))
@pytest.mark.parametrize("period", [0.3, 1.0, 1.4])
def test_a_contender_that_commits_at_intervals_keeps_up(period: float, phase: float) -> None:
    assert taking(period - (SECONDS + phase) % period).keeps_up


def test_a_pause_at_the_end_does_not_count_as_falling_behind() -> None:
    paused = np.maximum(0.005, SECONDS - 9.5)  # half a second
    assert taking(paused).keeps_up


def test_the_table_has_p50_and_p99_and_marks_rates_that_were_not_held() -> None:
    even = taking(np.linspace(0.0, 0.1, 101))
    result = LatencyByRate({100.0: even, 1000.0: taking(np.full(9, 0.25), 900.0)}, behind=10_000.0)
    texts = ["50.0 / 99.0", "250 / 250 (at 900)", "falls behind", ""]
    assert rates.cells(result, rates.RATES) == texts
    row = rates.table({OURS: result}, {OURS: "exactly-once"}, rates.RATES).splitlines()[2]
    assert [cell.strip() for cell in row.strip("|").split("|")] == [OURS, "exactly-once", *texts]
    assert rates.summary({OURS: result}) == {
        "latency_p50_ms": {"100": 50.0, "1000": 250.0},
        "latency_p99_ms": {"100": 99.0, "1000": 250.0},
    }


class StubSubscriber:
    """A subscriber without alerts."""

    def __init__(self, *_arguments: object) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        pass


@pytest.fixture
def stepped(monkeypatch: pytest.MonkeyPatch) -> Step:
    """Steps up the rates with the given results; returns the outcome and the rates tried."""

    def step(
        outcomes: dict[float, list[LatencyAtRate | BenchmarkError]], check: Callable[[], None]
    ) -> tuple[LatencyByRate, list[float]]:
        tried: list[float] = []

        def measure(*_arguments: object, rate: float, **_others: object) -> LatencyAtRate:
            tried.append(rate)
            outcome = outcomes[rate].pop(0) if rate in outcomes else taking(SECONDS * 0)
            if isinstance(outcome, BenchmarkError):
                raise outcome
            return outcome

        @contextmanager
        def start(_topics: Topics) -> Iterator[Any]:
            yield SimpleNamespace(check=check)

        monkeypatch.setattr(rates, "Subscriber", StubSubscriber)
        monkeypatch.setattr(latency, "measure", measure)
        return step_up(BENCH, Topics("rates."), start, rates.RATES, seconds=10), tried

    return step


def healthy() -> None:
    pass


def test_higher_rates_are_not_tried_once_latency_grows(stepped: Step) -> None:
    result, tried = stepped({1000.0: [taking(SECONDS * 0.3), taking(SECONDS * 0.2)]}, healthy)
    assert tried == [1, 100, 1000, 1000]
    assert list(result.rates) == [100]
    assert result.behind == 1000
    assert result.reason == "Later by 0.20 s with each second."


def test_a_contender_that_falls_behind_once_gets_a_second_attempt(stepped: Step) -> None:
    steady = taking(SECONDS * 0 + 0.5)
    result, tried = stepped({1000.0: [taking(SECONDS * 0.3), steady]}, healthy)
    assert tried == [1, 100, 1000, 1000, 10_000, 50_000]
    assert result.rates[1000] is steady


def test_a_contender_without_alerts_in_time_falls_behind(stepped: Step) -> None:
    result, tried = stepped({100.0: [AlertsMissingError("7 of 100 did not come.")]}, healthy)
    assert tried == [1, 100]
    assert (result.rates, result.behind) == ({}, 100)


def test_a_contender_that_ended_has_failed(stepped: Step) -> None:
    def ended() -> None:
        raise BenchmarkError("It ended.")

    with pytest.raises(BenchmarkError, match=r"It ended\."):
        stepped({100.0: [AlertsMissingError("7 of 100 did not come.")]}, ended)
    with pytest.raises(AlertsMissingError):  # it never started
        stepped({1: [AlertsMissingError("1 of 1 did not come.")]}, healthy)


def test_a_contender_that_keeps_up_gets_every_rate(stepped: Step) -> None:
    result, _ = stepped({}, healthy)
    assert (tuple(result.rates), result.behind) == (rates.RATES, None)
