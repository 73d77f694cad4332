"""The figures that Prometheus recorded during a soak, as a Markdown table."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.operations.panels import SCRAPE_SECONDS
from benchmarks.operations.prometheus import Prometheus
from model.artifact import markdown

# The stream's rate over a minute rises in the first minute and falls in the last.
EDGE_SECONDS = 60

LATENCIES = {
    "event to score": "fraud_scoring_latency_seconds",
    "event to committed alert": "fraud_detection_latency_seconds",
}

TableRows = Iterator[tuple[str, str]]
"""Rows of the table: a figure's name and its value."""


@dataclass(frozen=True)
class TimeRange:
    """When a replay ran, seconds since the epoch."""

    begin: float
    end: float

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.end - self.begin


def table(prometheus: Prometheus, span: TimeRange) -> str:
    """Return the figures of a replay, read after its end."""
    rows = [
        *_stream(prometheus, span),
        *(row for job in ("detector", "quality") for row in _process(prometheus, span, job)),
        *_quality(prometheus),
        ("alerts of Prometheus that fired", _fired(prometheus, span)),
    ]
    return markdown.table(["figure", "recorded"], rows, align="lr", padded=True)


def _stream(prometheus: Prometheus, span: TimeRange) -> TableRows:
    scored = _last(prometheus, 'sum(fraud_transactions_scored_total{job="detector"})')
    yield "transactions scored", f"{scored:,.0f}"
    inner = TimeRange(span.begin + EDGE_SECONDS, span.end - EDGE_SECONDS)
    rate = _values(
        prometheus,
        'job:fraud_transactions_scored:rate1m{job="detector"}',
        inner,
    )
    yield (
        "a second: quietest minute, mean, busiest minute",
        f"{rate.min():,.0f}, {rate.mean():,.0f}, {rate.max():,.0f}",
    )
    for name, metric in LATENCIES.items():
        buckets = f'sum by (le) ({metric}_bucket{{job="detector"}})'
        p50, p95, p99 = (
            1000 * _last(prometheus, f"histogram_quantile({quantile}, {buckets})")
            for quantile in (0.5, 0.95, 0.99)
        )
        yield f"{name}, p50 / p95 / p99", f"{p50:.1f} / {p95:.1f} / {p99:.1f} ms"
    within = _last(prometheus, 'sum(fraud_detection_latency_seconds_bucket{le="0.03"})')
    alerts = _last(prometheus, "sum(fraud_alerts_total)")
    yield "alerts; within the objective's 30 ms", f"{alerts:,.0f}; {100 * within / alerts:.1f} %"
    lag = _values(
        prometheus,
        'job:fraud_kafka_consumer_lag:sum{job="detector"}',
        inner,
    )
    yield "lag, records: mean, maximum", f"{lag.mean():.1f}, {lag.max():,.0f}"


def _process(prometheus: Prometheus, span: TimeRange, job: str) -> TableRows:
    memory = _values(prometheus, f'process_resident_memory_bytes{{job="{job}"}}', span) / 2**20
    tenth = max(len(memory) // 10, 1)
    yield (
        f"memory of {job}, MiB: after a tenth, after half, at the end",
        f"{memory[tenth]:,.0f}, {memory[len(memory) // 2]:,.0f}, {memory[-1]:,.0f}",
    )
    cpu = f'rate(process_cpu_seconds_total{{job="{job}"}}[{span.seconds:.0f}s])'
    yield f"processor of {job}, cores", f"{_last(prometheus, cpu):.2f}"


def _quality(prometheus: Prometheus) -> TableRows:
    labels = {
        outcome: _last(prometheus, f'sum(fraud_labels_total{{outcome="{outcome}"}})')
        for outcome in ("true_positive", "false_positive", "false_negative", "true_negative")
    }
    hits = labels["true_positive"]
    precision = hits / (hits + labels["false_positive"])
    recall = hits / (hits + labels["false_negative"])
    yield "labels received", f"{sum(labels.values()):,.0f}"
    yield "precision, recall", f"{precision:.3f}, {recall:.3f}"
    scores = _last(prometheus, "max(fraud_score_drift_psi)")
    feature = _last(prometheus, 'max(fraud_feature_drift_psi{feature!="Time"})')
    yield "drift at the end: scores, largest feature", f"{scores:.4f}, {feature:.4f}"
    aborted = _last(prometheus, 'sum(fraud_kafka_commits_total{outcome!="committed"})')
    rejected = _last(prometheus, "sum(fraud_dead_letters_total)")
    yield "commits aborted or failed; dead letters", f"{aborted:,.0f}; {rejected:,.0f}"


def _last(prometheus: Prometheus, query: str) -> float:
    (series,) = prometheus.now(query)
    return float(series.values[-1])


def _values(prometheus: Prometheus, query: str, span: TimeRange) -> NDArray[np.float64]:
    series = prometheus.over(query, span.begin, span.end, SCRAPE_SECONDS)
    return np.concatenate([each.values for each in series])


def _fired(prometheus: Prometheus, span: TimeRange) -> str:
    firing = prometheus.over('ALERTS{alertstate="firing"}', span.begin, span.end, SCRAPE_SECONDS)
    return ", ".join(sorted({series.labels["alertname"] for series in firing})) or "none"
