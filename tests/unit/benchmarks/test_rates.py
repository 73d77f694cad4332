"""Who keeps up with a rate, and what is told of it."""

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
from benchmarks.harness.stream import Rows, Sent
from benchmarks.speed import latency, rates
from benchmarks.speed.comparison import OURS
from benchmarks.speed.latency import Round
from benchmarks.speed.rates import Climb, climb
from events.codec import Encoding
from events.topics import Topics
from kafkaio.settings import KafkaSettings

SECONDS = np.linspace(0, 10, 201)
BENCH = Bench(KafkaSettings("h:1"), Path("artifact"), {Encoding.JSON: Rows((), ())}, Path("folder"))


def taking(seconds: NDArray[np.float64], rate: float = 1000.0) -> Round:
    """Return a round of so many alerts, over ten seconds, that took so long."""
    return Round(rate, np.linspace(0, 10, len(seconds)), 1e3 * seconds)


def test_a_round_leaves_its_warm_up_out(monkeypatch: pytest.MonkeyPatch) -> None:
    # A transaction each half second, its alert 10 ms later, in the warm-up 90 ms.
    times = {b"%d" % number: number * 500_000_000 for number in range(8)}
    late = {key: 90_000_000 if moment < 10**9 else 10_000_000 for key, moment in times.items()}

    class Known:
        def __init__(self, *_arguments: object) -> None:
            pass

        def hold(self, _rate: float, records: int) -> Sent:
            assert records == 8
            return Sent(records, 3.5, times)

    def wait_for(keys: dict[bytes, int], **_others: object) -> dict[bytes, list[int]]:
        return {key: [times[key] + late[key]] for key in reversed(keys)}

    subscriber: Any = SimpleNamespace(wait_for=wait_for)
    monkeypatch.setattr(latency, "Load", Known)
    monkeypatch.setattr(latency, "load_producer", lambda _settings: nullcontext())
    found = latency.measure(
        BENCH.settings,
        "topic",
        BENCH.rows[Encoding.JSON],
        subscriber,
        name="its",
        rate=2,
        seconds=3,
        warm_up=1,
        seed=1,
    )
    assert found.rate == 2
    assert found.moments.tolist() == [0.0, 0.5, 1.0, 1.5, 2.0, 2.5]
    assert found.milliseconds.tolist() == [10.0] * 6
    assert found.holds(2.04)
    assert not found.holds(2.05)


def test_who_does_nine_of_ten_falls_behind() -> None:
    # After t seconds 0.1 t of the work are left, which take 0.1 t / 0.9 more seconds.
    slow = taking(0.02 + SECONDS * 0.1 / 0.9)
    assert slow.growth == pytest.approx(1 / 9)
    assert not slow.keeps_up


@pytest.mark.parametrize("phase", np.linspace(0, 0.9, 10))
@pytest.mark.parametrize("period", [0.3, 1.0, 1.4])
def test_who_answers_at_intervals_keeps_up(period: float, phase: float) -> None:
    assert taking(period - (SECONDS + phase) % period).keeps_up


def test_a_pause_at_the_end_is_no_falling_behind() -> None:
    paused = np.maximum(0.005, SECONDS - 9.5)  # half a second
    assert taking(paused).keeps_up


def test_a_table_has_p50_p99_who_fell_behind_and_what_was_not_held() -> None:
    even = taking(np.linspace(0.0, 0.1, 101))
    found = Climb({100.0: even, 1000.0: taking(np.full(9, 0.25), 900.0)}, behind=10_000.0)
    told = ["50.0 / 99.0", "250 / 250 (at 900)", "falls behind", ""]
    assert rates.cells(found, rates.RATES) == told
    row = rates.table({OURS: found}, {OURS: "exactly-once"}, rates.RATES).splitlines()[2]
    assert [cell.strip() for cell in row.strip("|").split("|")] == [OURS, "exactly-once", *told]
    assert rates.summary({OURS: found}) == {
        "latency_p50_ms": {"100": 50.0, "1000": 250.0},
        "latency_p99_ms": {"100": 99.0, "1000": 250.0},
    }


class Silent:
    """A subscriber to nothing."""

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
def climbed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Climb, list[float]]]:
    """Climbs the rates with rounds that are known; gives what was found and which were tried."""

    def result(
        outcomes: dict[float, list[Round | BenchmarkError]], check: Callable[[], None]
    ) -> tuple[Climb, list[float]]:
        tried: list[float] = []

        def measure(*_arguments: object, rate: float, **_others: object) -> Round:
            tried.append(rate)
            outcome = outcomes[rate].pop(0) if rate in outcomes else taking(SECONDS * 0)
            if isinstance(outcome, BenchmarkError):
                raise outcome
            return outcome

        @contextmanager
        def start(_topics: Topics) -> Iterator[Any]:
            yield SimpleNamespace(check=check)

        monkeypatch.setattr(rates, "Subscriber", Silent)
        monkeypatch.setattr(latency, "measure", measure)
        return climb(BENCH, Topics("its."), start, rates.RATES, seconds=10), tried

    return result


def healthy() -> None:
    pass


def test_higher_rates_are_not_tried_once_alerts_come_later_and_later(
    climbed: Callable[..., tuple[Climb, list[float]]],
) -> None:
    found, tried = climbed({1000.0: [taking(SECONDS * 0.3), taking(SECONDS * 0.2)]}, healthy)
    assert tried == [1, 100, 1000, 1000]
    assert list(found.rounds) == [100]
    assert found.behind == 1000
    assert found.reason == "Later by 0.20 s with each second."


def test_who_seemed_to_fall_behind_once_has_not(
    climbed: Callable[..., tuple[Climb, list[float]]],
) -> None:
    steady = taking(SECONDS * 0 + 0.5)
    found, tried = climbed({1000.0: [taking(SECONDS * 0.3), steady]}, healthy)
    assert tried == [1, 100, 1000, 1000, 10_000, 50_000]
    assert found.rounds[1000] is steady


def test_who_has_not_answered_in_time_has_fallen_behind(
    climbed: Callable[..., tuple[Climb, list[float]]],
) -> None:
    found, tried = climbed({100.0: [AlertsMissingError("7 of 100 did not come.")]}, healthy)
    assert tried == [1, 100]
    assert (found.rounds, found.behind) == ({}, 100)


def test_who_has_ended_has_failed_and_not_fallen_behind(
    climbed: Callable[..., tuple[Climb, list[float]]],
) -> None:
    def ended() -> None:
        raise BenchmarkError("It ended.")

    with pytest.raises(BenchmarkError, match=r"It ended\."):
        climbed({100.0: [AlertsMissingError("7 of 100 did not come.")]}, ended)
    with pytest.raises(AlertsMissingError):  # it never started
        climbed({1: [AlertsMissingError("1 of 1 did not come.")]}, healthy)


def test_who_keeps_up_is_given_every_rate(
    climbed: Callable[..., tuple[Climb, list[float]]],
) -> None:
    found, _ = climbed({}, healthy)
    assert (tuple(found.rounds), found.behind) == (rates.RATES, None)
