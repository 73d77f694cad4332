"""The limits of the served network, with known sizes and times."""

import time

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.harness.errors import BenchmarkError
from benchmarks.models import scoring
from benchmarks.models.scoring import CALLS, FULL_BATCH, RoundTimes, check, measure, table
from model.serving.backend import ScoreFunction


def timed(ratio: float) -> dict[int, RoundTimes]:
    return {rows: RoundTimes([1.0, 2.0, 4.0], [ratio, 2 * ratio, 40 * ratio]) for rows in CALLS}


def test_one_slow_round_does_not_change_the_ratio() -> None:
    assert timed(1.5)[1].ratio == 1.5


def test_the_table_has_medians_and_limits() -> None:
    size, one, _, full = (
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in table("champion", 300_000, 1_200_000, timed(1.5)).splitlines()[2:]
    )
    assert size == ["model.keras, bytes", "300,000", "1,200,000", "", "2,000,000 bytes"]
    assert one == ["a batch of 1, ms", "2.000", "3.000", "1.50", ""]
    assert full == ["a batch of 4,096, ms", "2.000", "3.000", "1.50", "3 times"]


def test_size_and_the_time_of_a_full_batch_have_limits() -> None:
    check(2_000_000, timed(3.0))
    with pytest.raises(BenchmarkError, match="2,000,001 bytes, more than 2,000,000"):
        check(2_000_001, timed(1.0))
    slow = timed(1.0) | {FULL_BATCH: timed(3.5)[FULL_BATCH]}
    with pytest.raises(BenchmarkError, match=r"takes 3\.50 times as long"):
        check(1, slow)
    check(1, timed(1.0) | {1: timed(9.0)[1]})  # a batch of another size has no limit


def test_both_are_timed_in_turns_on_the_same_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "CALLS", {2: 3, FULL_BATCH: 1})
    seen: list[tuple[str, float]] = []

    def network(name: str, seconds: float) -> ScoreFunction:
        def score(batch: NDArray[np.float32]) -> NDArray[np.float32]:
            if len(batch) == 2:
                seen.append((name, float(batch.sum())))
                time.sleep(seconds)
            return batch[:, 0]

        return score

    times = measure(network("plain", 0.001), network("other", 0.005), rounds=2)
    names = [name for name, _ in seen]
    assert names == ["other"] * 4 + ["plain"] * 8 + ["other"] * 4  # three and one to warm up
    first, second = [total for _, total in seen[:8]], [total for _, total in seen[8:]]
    assert len(set(first)) == len(set(second)) == 1
    assert min(times[2].plain) >= 1
    assert min(times[2].other) >= 5
    assert len(times[FULL_BATCH].plain) == len(times[FULL_BATCH].other) == 2
