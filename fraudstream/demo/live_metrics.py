"""Metrics of the running services, scraped as Prometheus does."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from prometheus_client.parser import text_string_to_metric_families

Samples = Mapping[str, Mapping[str, float]]
"""Values by sample name and label value; the label value of samples without labels is ""."""


@dataclass(frozen=True, slots=True)
class LiveMetrics:
    """The metrics of the detector and the quality monitor at one moment.

    Latencies are quantiles in seconds by name: "p50", "p95" and "p99"; NaN without observations.
    """

    scored: int
    dead_lettered: int
    flagged: int
    batches: int
    scoring_latency: Mapping[str, float]
    detection_latency: Mapping[str, float]
    labels: int
    true_positives: int
    false_positives: int
    false_negatives: int
    amount_caught: float
    amount_missed: float

    @property
    def batch_size(self) -> float:
        """Mean number of records in a batch."""
        return (self.scored + self.dead_lettered) / self.batches if self.batches else math.nan

    @property
    def precision(self) -> float:
        """Share of frauds among the alerts whose labels have arrived."""
        return _ratio(self.true_positives, self.false_positives)

    @property
    def recall(self) -> float:
        """Share of flagged transactions among the frauds whose labels have arrived."""
        return _ratio(self.true_positives, self.false_negatives)


def read_live_metrics(detector: str, quality: str) -> LiveMetrics:
    """Parse the metrics of two scrapes; missing ones count as 0.

    Args:
        detector: metrics of the detector in Prometheus' text format.
        quality: metrics of the quality monitor, likewise.
    """
    counted, evaluated = _samples(detector), _samples(quality)
    labels = evaluated.get("fraud_labels_total", {})
    amounts = evaluated.get("fraud_amount_total", {})
    return LiveMetrics(
        scored=_total(counted, "fraud_transactions_scored_total"),
        dead_lettered=_total(counted, "fraud_dead_letters_total"),
        flagged=_total(counted, "fraud_alerts_total"),
        batches=_total(counted, "fraud_batches_total"),
        scoring_latency=_quantiles(counted, "fraud_scoring_latency_seconds"),
        detection_latency=_quantiles(counted, "fraud_detection_latency_seconds"),
        labels=int(sum(labels.values())),
        true_positives=int(labels.get("true_positive", 0)),
        false_positives=int(labels.get("false_positive", 0)),
        false_negatives=int(labels.get("false_negative", 0)),
        amount_caught=amounts.get("true_positive", 0.0),
        amount_missed=amounts.get("false_negative", 0.0),
    )


def quantile(share: float, buckets: Mapping[float, float]) -> float:
    """Return a quantile of a histogram, interpolated linearly in its bucket as in PromQL.

    Args:
        share: 0 to 1.
        buckets: cumulative counts by upper bound; the last bound is infinite.
    """
    edges = sorted(buckets)
    if not edges or buckets[edges[-1]] == 0:
        return math.nan
    wanted = share * buckets[edges[-1]]
    for lower, upper in pairwise([0.0, *edges]):
        before = buckets.get(lower, 0.0)
        if buckets[upper] >= wanted:
            if math.isinf(upper):
                return lower
            return lower + (upper - lower) * (wanted - before) / (buckets[upper] - before)
    return math.nan


def _samples(text: str) -> Samples:
    samples: dict[str, dict[str, float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            label = next(iter(sample.labels.values()), "")
            samples.setdefault(sample.name, {})[label] = sample.value
    return samples


def _total(samples: Samples, name: str) -> int:
    return int(sum(samples.get(name, {}).values()))


def _quantiles(samples: Samples, name: str) -> dict[str, float]:
    buckets = {float(edge): count for edge, count in samples.get(f"{name}_bucket", {}).items()}
    return {f"p{percent}": quantile(percent / 100, buckets) for percent in (50, 95, 99)}


def _ratio(count: int, others: int) -> float:
    return count / (count + others) if count + others else math.nan
