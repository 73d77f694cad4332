"""The demo's closing figures, as one JSON object and as a table."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from fraudstream.demo.figures import Figures
from fraudstream.demo.reconciliation import Committed


class Report(msgspec.Struct, frozen=True):
    """What happened, as `fraudstream demo --json` prints it.

    Counts of transactions and alerts are what a read_committed reader found; latencies are in
    seconds, quantiles of the detector's histograms, null where nothing was observed.

    Attributes:
        published: transactions in Kafka.
        scored: of these, scored.
        dead_lettered: of these, unreadable.
        flagged: transactions that the detector flagged.
        alerts_delivered: transactions with exactly one alert.
        true_positives: flagged frauds.
        false_positives: flagged, and legitimate.
        false_negatives: frauds that were not flagged.
        precision: null where nothing was flagged.
        recall: null where there was no fraud.
        amount_caught: money behind the true positives.
        amount_missed: money behind the false negatives.
        seconds: from the first transaction sent to the last commit.
        seconds_to_first_alert: from the command's start to the first alert read; null if none.
        transactions_per_second: scored over seconds.
        delivery: "exactly-once" or "at-least-once".
        kafka_version: of the embedded broker; null where another Kafka was given.
        model_version: what scored.
        synthetic: whether the transactions were made up.
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
    """What the figures do not say themselves; see `Report`."""

    seconds: float
    seconds_to_first_alert: float | None
    delivery: str
    kafka_version: str | None
    model_version: str
    synthetic: bool


def make_report(committed: Committed, figures: Figures, circumstances: Circumstances) -> Report:
    """Return the report of a run that was reconciled."""
    return Report(
        published=committed.published,
        scored=committed.scored,
        dead_lettered=committed.dead_lettered,
        flagged=figures.flagged,
        alerts_delivered=committed.alerts_delivered,
        true_positives=figures.true_positives,
        false_positives=figures.false_positives,
        false_negatives=figures.false_negatives,
        precision=_number(figures.precision),
        recall=_number(figures.recall),
        amount_caught=round(figures.amount_caught, 2),
        amount_missed=round(figures.amount_missed, 2),
        seconds=circumstances.seconds,
        seconds_to_first_alert=circumstances.seconds_to_first_alert,
        transactions_per_second=committed.scored / circumstances.seconds,
        scoring_latency_seconds=_numbers(figures.scoring_latency),
        detection_latency_seconds=_numbers(figures.detection_latency),
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
        ("scored", f"{report.scored:,} in {report.seconds:.1f} s, {rate:,.0f} a second"),
        ("dead-lettered", f"{report.dead_lettered:,}"),
        ("flagged", f"{report.flagged:,}"),
        ("alerts delivered", f"{report.alerts_delivered:,}, {report.delivery}"),
        ("frauds caught", f"{report.true_positives:,}, worth {report.amount_caught:,.2f}"),
        ("frauds missed", f"{report.false_negatives:,}, worth {report.amount_missed:,.2f}"),
        ("false alarms", f"{report.false_positives:,}"),
        ("precision, recall", f"{share(report.precision)}, {share(report.recall)}"),
        ("event to scored", latencies(report.scoring_latency_seconds)),
        ("event to alert", latencies(report.detection_latency_seconds)),
        ("first alert", "none" if first is None else f"{first:.1f} s after the command was typed"),
        ("model", report.model_version),
    ]


def share(value: float | None) -> str:
    """Return a ratio as people read it, "-" where there is none."""
    return "-" if value is None or math.isnan(value) else f"{value:.1%}"


def latencies(quantiles: Mapping[str, float | None]) -> str:
    """Return quantiles as people read them, for example "p50 2.0 ms, p95 8.1 ms"."""
    return ", ".join(f"{name} {_milliseconds(value)}" for name, value in quantiles.items())


def _milliseconds(value: float | None) -> str:
    return "-" if value is None or math.isnan(value) else f"{value * 1000:,.1f} ms"


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value


def _numbers(values: Mapping[str, float]) -> dict[str, float | None]:
    return {name: _number(value) for name, value in values.items()}
