"""The demo's report: figures as one JSON object and as a table."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from fraudstream.demo.live_metrics import LiveMetrics
from fraudstream.demo.reconciliation import Committed


class Report(msgspec.Struct, frozen=True):
    """The result of a run, as `fraudstream demo --json` prints it.

    Counts of transactions and alerts are from a read_committed reader; latencies are quantiles of
    the detector's histograms in seconds, null without observations.

    Attributes:
        published: transactions in the topic.
        scored: of these, scored by the detector.
        dead_lettered: of these, rejected.
        flagged: transactions that the detector flagged.
        alerts_delivered: transactions with exactly one alert.
        true_positives: flagged frauds.
        false_positives: flagged, and legitimate.
        false_negatives: frauds that were not flagged.
        precision: null if nothing was flagged.
        recall: null if there was no fraud.
        amount_caught: total amount of the true positives.
        amount_missed: total amount of the false negatives.
        seconds: from the first transaction sent to the last commit.
        seconds_to_first_alert: from the command's start to the first alert read; null if none.
        transactions_per_second: scored divided by seconds.
        delivery: "exactly-once" or "at-least-once".
        kafka_version: version of the embedded broker; null for another Kafka.
        model_version: the artifact that scored.
        synthetic: whether the transactions are synthetic.
    """

    published: int
    scored: int
    dead_lettered: int
    flagged: int
    alerts_delivered: int
    true_positives: int
    false_positives: int
    false_negatives: int
    precision: float | None
    recall: float | None
    amount_caught: float
    amount_missed: float
    seconds: float
    seconds_to_first_alert: float | None
    transactions_per_second: float
    scoring_latency_seconds: dict[str, float | None]
    detection_latency_seconds: dict[str, float | None]
    delivery: str
    kafka_version: str | None
    model_version: str
    synthetic: bool


@dataclass(frozen=True, slots=True)
class Circumstances:
    """The fields of a report that are not metrics; see `Report`."""

    seconds: float
    seconds_to_first_alert: float | None
    delivery: str
    kafka_version: str | None
    model_version: str
    synthetic: bool


def make_report(committed: Committed, metrics: LiveMetrics, circumstances: Circumstances) -> Report:
    """Return the report of a reconciled run."""
    return Report(
        published=committed.published,
        scored=committed.scored,
        dead_lettered=committed.dead_lettered,
        flagged=metrics.flagged,
        alerts_delivered=committed.alerts_delivered,
        true_positives=metrics.true_positives,
        false_positives=metrics.false_positives,
        false_negatives=metrics.false_negatives,
        precision=_number(metrics.precision),
        recall=_number(metrics.recall),
        amount_caught=round(metrics.amount_caught, 2),
        amount_missed=round(metrics.amount_missed, 2),
        seconds=circumstances.seconds,
        seconds_to_first_alert=circumstances.seconds_to_first_alert,
        transactions_per_second=committed.scored / circumstances.seconds,
        scoring_latency_seconds=_numbers(metrics.scoring_latency),
        detection_latency_seconds=_numbers(metrics.detection_latency),
        delivery=circumstances.delivery,
        kafka_version=circumstances.kafka_version,
        model_version=circumstances.model_version,
        synthetic=circumstances.synthetic,
    )


def figures(report: Report) -> list[tuple[str, str]]:
    """Return the figures for people, as (name, value with its unit)."""
    kind = "synthetic" if report.synthetic else "from the file given"
    rate, first = report.transactions_per_second, report.seconds_to_first_alert
    return [
        ("published", f"{report.published:,} transactions, {kind}"),
        ("scored", f"{report.scored:,} in {report.seconds:.1f} s, {rate:,.0f} per second"),
        ("dead-lettered", f"{report.dead_lettered:,}"),
        ("flagged", f"{report.flagged:,}"),
        ("alerts delivered", f"{report.alerts_delivered:,}, {report.delivery}"),
        ("frauds caught", f"{report.true_positives:,}, worth {report.amount_caught:,.2f}"),
        ("frauds missed", f"{report.false_negatives:,}, worth {report.amount_missed:,.2f}"),
        ("false alarms", f"{report.false_positives:,}"),
        ("precision, recall", f"{share(report.precision)}, {share(report.recall)}"),
        ("event to scored", latencies(report.scoring_latency_seconds)),
        ("event to alert", latencies(report.detection_latency_seconds)),
        (
            "first alert",
            "none" if first is None else f"{first:.1f} s after the command was started",
        ),
        ("model", report.model_version),
    ]


def share(value: float | None) -> str:
    """Return a ratio in percent, or "-" if there is none."""
    return "-" if value is None or math.isnan(value) else f"{value:.1%}"


def latencies(quantiles: Mapping[str, float | None]) -> str:
    """Return quantiles in milliseconds, for example "p50 2.0 ms, p95 8.1 ms"."""
    return ", ".join(f"{name} {_milliseconds(value)}" for name, value in quantiles.items())


def _milliseconds(value: float | None) -> str:
    return "-" if value is None or math.isnan(value) else f"{value * 1000:,.1f} ms"


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value


def _numbers(values: Mapping[str, float]) -> dict[str, float | None]:
    return {name: _number(value) for name, value in values.items()}
