"""The live figures: read from the parts' own metrics, as Prometheus would."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from prometheus_client.parser import text_string_to_metric_families

Samples = Mapping[str, Mapping[str, float]]
"""Sample name to label value to number; samples without a label have the label value ""."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What the detector and the quality monitor count at one moment.

    Latencies are quantiles by name, "p50", "p95" and "p99", in seconds; not a number while
    there are no observations.
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
        """Mean transactions in a batch."""
        return (self.scored + self.dead_lettered) / self.batches if self.batches else math.nan

    @property
    def precision(self) -> float:
        """Share of alerts that were frauds, as far as labels have arrived."""
        return _ratio(self.true_positives, self.false_positives)

    @property
    def recall(self) -> float:
        """Share of frauds that were flagged, as far as labels have arrived."""
        return _ratio(self.true_positives, self.false_negatives)


def read_figures(detector: str, quality: str) -> Figures:
    """Return the figures in two scrapes; what is not there yet counts as 0.

    Args:
        detector: the detector's metrics in Prometheus' text format.
        quality: the quality monitor's.
    """
    counted, judged = _samples(detector), _samples(quality)
    labels = judged.get("fraud_labels_total", {})
    amounts = judged.get("fraud_amount_total", {})
    return Figures(
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
    """Return the quantile of a histogram, linear within its bucket as PromQL's is.

    Args:
        share: 0 to 1.
        buckets: cumulative counts by upper edge, the last edge infinite.
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


def _ratio(part: int, other: int) -> float:
    return part / (part + other) if part + other else math.nan
