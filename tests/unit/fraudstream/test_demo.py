"""The demo's arithmetic: quantiles, live metrics, reconciliation."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest

from consumer.detector.metrics import LATENCY_BUCKETS, DetectorMetrics
from consumer.detector.protocols import Trigger
from consumer.quality.label_join import Outcome
from consumer.quality.metrics import QualityMetrics
from events.errors import Reason
from fraudstream.demo.errors import ReconciliationError
from fraudstream.demo.live_metrics import quantile, read_live_metrics
from fraudstream.demo.reconciliation import Committed, check

SUM = {"sent": 10, "scored": 9, "dead_lettered": 1, "flagged": 2}
GOOD = Committed(published=10, done=10, dead_lettered=1, alerts=2, alerts_delivered=2)


def test_matching_counts_are_accepted() -> None:
    check(GOOD, **SUM)
    assert GOOD.scored == 9


@pytest.mark.parametrize(
    ("committed", "reported", "message"),
    [
        (GOOD, {"sent": 11}, r"published \(10\) is not sent \(11\)"),
        (GOOD, {"scored": 8}, r"published \(10\) is not scored \+ dead-lettered \(9\)"),
        (GOOD, {"scored": 10}, r"published \(10\) is not scored \+ dead-lettered \(11\)"),
        (GOOD, {"flagged": 3}, r"alerts delivered \(2\) is not flagged \(3\)"),
        (Committed(10, 9, 1, 2, 2), {}, r"published \(10\) is not committed offsets \(9\)"),
        (Committed(10, 10, 2, 2, 2), {}, r"dead letters in the topic \(2\)"),
        (Committed(10, 10, 1, 3, 2), {}, r"alerts in the topic \(3\) is not alerts delivered"),
    ],
)
def test_every_mismatch_is_named(
    committed: Committed, reported: dict[str, int], message: str
) -> None:
    with pytest.raises(ReconciliationError, match=message):
        check(committed, **(SUM | reported))


@given(st.lists(st.floats(0, 50), min_size=1), st.sampled_from([0.5, 0.95, 0.99]))
def test_a_quantile_lies_in_the_bucket_of_the_exact_one(values: list[float], share: float) -> None:
    edges = [*LATENCY_BUCKETS, math.inf]
    buckets = {edge: float(sum(value <= edge for value in values)) for edge in edges}
    exact = float(np.quantile(values, share, method="inverted_cdf"))
    upper = next(edge for edge in edges if exact <= edge)
    lower = max((edge for edge in LATENCY_BUCKETS if edge < upper), default=0.0)
    assert lower <= quantile(share, buckets) <= upper


def test_an_empty_histogram_has_no_quantile() -> None:
    assert math.isnan(quantile(0.5, {}))
    assert math.isnan(quantile(0.5, {1.0: 0.0, math.inf: 0.0}))


def test_live_metrics_are_parsed_from_the_exports() -> None:
    detector, quality = CollectorRegistry(), CollectorRegistry()
    exported = DetectorMetrics(detector)
    exported.scored.inc(90)
    exported.alerts.inc(3)
    exported.dead_letters[Reason.EMPTY].inc(7)
    exported.dead_letters[Reason.OVERSIZED].inc(3)
    exported.batches[Trigger.DRAINED].inc(50)
    exported.scoring_latency.observe([0.0015] * 90)
    outcomes = QualityMetrics(quality)
    outcomes.labels[Outcome.TRUE_POSITIVE].inc(2)
    outcomes.labels[Outcome.FALSE_POSITIVE].inc(1)
    outcomes.labels[Outcome.FALSE_NEGATIVE].inc(2)
    outcomes.labels[Outcome.TRUE_NEGATIVE].inc(80)
    outcomes.amount[Outcome.FALSE_NEGATIVE].inc(12.5)
    metrics = read_live_metrics(
        generate_latest(detector).decode(), generate_latest(quality).decode()
    )
    assert (metrics.scored, metrics.dead_lettered, metrics.flagged) == (90, 10, 3)
    assert (metrics.labels, metrics.batch_size) == (85, 2.0)
    assert (metrics.precision, metrics.recall) == (2 / 3, 0.5)
    assert (metrics.amount_caught, metrics.amount_missed) == (0.0, 12.5)
    assert metrics.scoring_latency["p50"] == pytest.approx(0.0015)
    assert math.isnan(metrics.detection_latency["p99"])


def test_missing_metrics_count_as_zero() -> None:
    metrics = read_live_metrics("", "")
    assert metrics.scored == 0
    assert math.isnan(metrics.precision)
    assert math.isnan(metrics.batch_size)
