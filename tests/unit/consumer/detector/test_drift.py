"""The population stability index, and the window that it is computed over."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry

from consumer.detector.checkpoint import BatchResult
from consumer.detector.drift import (
    ADDED,
    EVERY,
    HOUR,
    HOURS,
    ROWS_NEEDED,
    Bins,
    Drift,
    stability_index,
)
from consumer.detector.metrics import DetectorMetrics
from consumer.detector.protocols import Trigger
from model.drift_baseline import Distribution, DriftBaseline

NAMES = ("a", "b")
RANDOM = np.random.default_rng(1)
TRAINED = RANDOM.normal(size=(20_000, 3)).astype(np.float32)  # features a and b, and the score
BASELINE = DriftBaseline.of(TRAINED[:, :2], TRAINED[:, 2], np.ones(len(TRAINED)))


class Stream:
    """A window, its clock and its gauges."""

    def __init__(self, baseline: DriftBaseline | None = BASELINE) -> None:
        self.now = 0.0
        self.registry = CollectorRegistry()
        names = [(name, "help") for name in ("feature", "score", "rows")]
        self.drift = Drift(self.registry, *names, clock=lambda: self.now)
        self.drift.compare_with(baseline, NAMES)

    def add(self, rows: NDArray[np.float32]) -> None:
        """Add rows, [n, 3], a second later."""
        self.now += 1
        self.drift.add([rows])

    def feature(self, name: str) -> float | None:
        return self.registry.get_sample_value("feature", {"feature": name})

    @property
    def score(self) -> float | None:
        return self.registry.get_sample_value("score")

    @property
    def rows(self) -> float | None:
        return self.registry.get_sample_value("rows")


def test_the_index_agrees_with_a_calculation_by_hand() -> None:
    # (0.3 - 0.5) ln(0.3 / 0.5) + (0.7 - 0.5) ln(0.7 / 0.5), without the half row in each bin.
    by_hand = 0.2 * math.log(0.7 / 0.3)
    counts = np.array([300_000_000, 700_000_000])
    assert stability_index(np.array([0.5, 0.5]), counts) == pytest.approx(by_hand)
    assert by_hand == pytest.approx(0.16946, abs=1e-5)


def test_an_empty_bin_counts_as_half_a_row() -> None:
    actual, expected = (1000 + ADDED) / 1001, (500 + ADDED) / 1001
    by_hand = (actual - expected) * math.log(actual / expected)
    actual, expected = ADDED / 1001, (500 + ADDED) / 1001
    by_hand += (actual - expected) * math.log(actual / expected)
    assert stability_index(np.array([0.5, 0.5]), np.array([1000, 0])) == pytest.approx(by_hand)


@given(st.lists(st.integers(0, 10_000), min_size=2, max_size=12).filter(any))
def test_the_same_distribution_has_no_drift(counts: list[int]) -> None:
    held = np.array(counts)
    assert stability_index(held / held.sum(), held) == pytest.approx(0, abs=1e-12)


@given(
    st.integers(2, 12).flatmap(
        lambda bins: st.tuples(
            *2 * [st.lists(st.integers(0, 10_000), min_size=bins, max_size=bins).filter(any)]
        )
    )
)
def test_another_distribution_has_a_finite_index_that_is_not_negative(
    both: Sequence[list[int]],
) -> None:
    trained, observed = map(np.array, both)
    index = stability_index(trained / trained.sum(), observed)
    assert 0 <= index + 1e-12 < np.inf


@given(st.lists(st.sampled_from([-2.0, 0.0, 0.5, 1.0, 7.0]), min_size=1, max_size=60))
def test_each_row_falls_into_one_bin_as_in_training(values: list[float]) -> None:
    column = np.array(values, np.float32)
    trained = Distribution.of(column, np.ones(len(column)))
    constant = Distribution(edges=[0.0], shares=[1.0, 0.0])
    bins = Bins.of(DriftBaseline(rows=1, features=[trained], scores=constant), ["a"])
    (counts, scores) = bins.count(np.column_stack([column, column]))
    assert counts.sum() == scores.sum() == len(column)
    assert counts[: len(trained.shares)] / len(column) == pytest.approx(trained.shares)


def test_training_rows_have_no_drift_and_a_feature_that_moved_is_named() -> None:
    stream = Stream()
    moved = TRAINED.copy()
    moved[:, 1] += 1
    stream.add(TRAINED)
    assert stream.feature("a") == stream.feature("b") == stream.score == pytest.approx(0)
    stream = Stream()
    stream.add(moved)
    assert (stream.feature("b") or 0) > 0.5
    assert stream.feature("a") == stream.score == pytest.approx(0)


def test_the_index_of_chance_alone_follows_the_arithmetic() -> None:
    """The mean over many windows of n rows against m, with k bins: (k - 1) (1/n + 1/m)."""
    indices: list[float] = []
    for _ in range(200):
        stream = Stream()
        stream.add(RANDOM.normal(size=(ROWS_NEEDED, 3)).astype(np.float32))
        index = (stream.feature("a"), stream.feature("b"), stream.score)
        indices += [value for value in index if value is not None]
    assert len(indices) == 600
    assert np.mean(indices) == pytest.approx(9 * (1 / ROWS_NEEDED + 1 / len(TRAINED)), rel=0.15)
    assert max(indices) < 0.1


def test_too_few_rows_export_only_their_number() -> None:
    stream = Stream()
    assert (stream.rows, stream.score) == (0, None)
    stream.add(TRAINED[: ROWS_NEEDED - 1])
    assert (stream.rows, stream.score, stream.feature("a")) == (ROWS_NEEDED - 1, None, None)
    stream.add(TRAINED[:1])
    assert stream.rows == ROWS_NEEDED
    assert stream.score is not None


def test_without_a_baseline_nothing_is_sampled_or_exported() -> None:
    stream = Stream(baseline=None)
    assert len(stream.drift.sample(TRAINED[:, :2], TRAINED[:, 2])) == 0
    stream.drift.add([])
    assert (stream.rows, stream.score, stream.feature("a")) == (None, None, None)


def test_the_window_slides_over_a_day() -> None:
    stream = Stream()
    stream.add(TRAINED + 3)
    for _ in range(HOURS - 1):
        stream.now += HOUR
        stream.add(TRAINED[:1000])
    assert stream.rows == len(TRAINED) + 1000 * (HOURS - 1)
    stream.now += HOUR
    assert stream.rows == 1000 * (HOURS - 1)  # even when no more rows arrive
    assert stream.score == pytest.approx(0, abs=0.02)
    stream.now += HOURS * HOUR
    assert (stream.rows, stream.score) == (0, None)


def test_memory_does_not_grow_with_the_stream() -> None:
    stream = Stream()
    for _ in range(3 * HOURS):
        stream.now += HOUR
        for _ in range(3):
            stream.add(TRAINED[:10])
    counts = stream.drift._counts
    assert len(counts) == HOURS
    assert {each.shape for each in counts.values()} == {(3, 10)}
    assert stream.drift._waiting == []


def test_samples_of_a_second_are_counted_together() -> None:
    stream = Stream()
    stream.add(TRAINED[:10])
    stream.now += 0.5
    stream.drift.add([TRAINED[:5], TRAINED[:5]])
    assert stream.rows == 10
    stream.now += 0.6
    stream.drift.add([])
    assert stream.rows == 20


@given(st.lists(st.integers(0, 40), min_size=1, max_size=60))
def test_every_seventh_row_is_sampled_whatever_the_batches(sizes: list[int]) -> None:
    stream = Stream()
    ends = np.cumsum(sizes)
    sampled = [
        stream.drift.sample(TRAINED[end - size : end, :2], TRAINED[end - size : end, 2])
        for size, end in zip(sizes, ends, strict=True)
    ]
    assert np.concatenate([*sampled, TRAINED[:0]]).tolist() == TRAINED[: ends[-1] : EVERY].tolist()
    assert all(rows.base is None for rows in sampled)  # or a whole batch would stay in memory


def test_samples_are_counted_when_they_are_committed() -> None:
    metrics = DetectorMetrics(registry := CollectorRegistry())
    metrics.drift.compare_with(BASELINE, NAMES)
    features, scores = TRAINED[:, :2], TRAINED[:, 2]
    result = BatchResult(
        topic="t",
        records=len(scores),
        trigger=Trigger.FULL,
        rejected=[],
        scores=scores,
        latencies=np.zeros(0),
        flagged_event_times=np.zeros(0),
        flagged_amounts=np.zeros(0),
        drift_sample=metrics.drift.sample(features, scores),
    )
    assert registry.get_sample_value("fraud_drift_rows") == 0
    metrics.add([result], now=0.0)
    assert registry.get_sample_value("fraud_drift_rows") == math.ceil(len(TRAINED) / EVERY)
    assert registry.get_sample_value("fraud_feature_drift_psi", {"feature": "b"}) is not None
