"""Half an hour of the service, as Prometheus records it: `python -m benchmarks.operations.soak`.

Starts an embedded Kafka, a detector, a quality monitor and the Prometheus of deploy/, and replays
the two days of a twin in the given time, with its busier and quieter hours. It then prints the
recorded figures as a table and draws the panels of the dashboards.

    python -m benchmarks.operations.soak --folder docs/soak --report docs/healthy-day.md
"""

import argparse
import subprocess
import time
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.harness import report
from benchmarks.harness.command import command_parser, positive, publish, run_command
from benchmarks.harness.detector import PARTITIONS, artifact
from benchmarks.harness.errors import BenchmarkError
from benchmarks.operations.dashboards import save
from benchmarks.operations.deployed import Deployed, deployed, find, replaying
from benchmarks.operations.panels import SCRAPE_SECONDS, Dashboard, read_dashboards
from benchmarks.operations.prometheus import Prometheus
from broker.server import EmbeddedBroker
from dataset.twin import synthesize
from dataset.writer import write
from events.topics import Topics
from fraudstream.cache import cache_folder
from fraudstream.progress import progress_bar
from kafkaio.settings import KafkaSettings
from kafkaio.topics import create_topics

if TYPE_CHECKING:
    from collections.abc import Iterator

DAYS_SECONDS = 172_792  # from the file's first transaction to its last
SEED = 7  # of the rows; the demo's model was trained on others

# After the last label, until all are matched and scraped.
SETTLE_SECONDS = 4 * SCRAPE_SECONDS

# The panels of the picture, two in a row: dashboard, title.
PANELS = (
    ("fraud-operations", "Transactions"),
    ("detector-service", "Batch size"),
    ("detector-service", "Event to score"),
    ("detector-service", "Event to acknowledged alert"),
    ("detector-service", "Lag by partition"),
    ("detector-service", "Processor"),
    ("detector-service", "Memory"),
    ("fraud-operations", "Precision and recall"),
    ("model-health", "Drift of the scores"),
    ("model-health", "Drift of the features"),
)
PANEL = {"w": 12, "h": 8}


@dataclass(frozen=True)
class TimeRange:
    """When a replay ran, seconds since the epoch."""

    begin: float
    end: float

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.end - self.begin


def overview(boards: Sequence[Dashboard]) -> Dashboard:
    """Return a dashboard of these `PANELS`, without annotations."""
    panels = {(board.uid, panel.title): panel for board in boards for panel in board.panels}
    placed = []
    for number, name in enumerate(PANELS):
        place = {"x": 12 * (number % 2), "y": 8 * (number // 2), **PANEL}
        panel = panels[name]
        placed.append(replace(panel, json={**panel.json, "gridPos": place}))
    return replace(
        boards[0],
        uid="healthy-day",
        title="A healthy day",
        rows=(),
        panels=tuple(placed),
        annotations=(),
    )


def table(prometheus: Prometheus, span: TimeRange) -> str:
    """Return the figures that Prometheus recorded, as a Markdown table."""
    scored = 'sum(fraud_transactions_scored_total{job="detector"})'
    rows = [["transactions scored", f"{_last(prometheus, scored):,.0f}"]]

    def add(name: str, text: str, *values: float) -> None:
        rows.append([name, text.format(*values)])

    def extremes(query: str) -> tuple[float, float, float]:
        """Return the minimum, the mean and the maximum while the stream ran."""
        # A rate over a minute is too low in the first and in the minute after the last record.
        series = prometheus.over(query, span.begin + 60, span.end - 60, SCRAPE_SECONDS)
        values = np.concatenate([each.values for each in series])
        return float(values.min()), float(values.mean()), float(values.max())

    least, mean, most = extremes('job:fraud_transactions_scored:rate1m{job="detector"}')
    add(
        "a second: quietest minute, mean, busiest minute",
        "{:,.0f}, {:,.0f}, {:,.0f}",
        least,
        mean,
        most,
    )
    for what, name in (
        ("event to score", "fraud_scoring_latency_seconds"),
        ("event to committed alert", "fraud_detection_latency_seconds"),
    ):
        quantiles = [
            1000
            * _last(
                prometheus,
                f'histogram_quantile({q}, sum by (le) ({name}_bucket{{job="detector"}}))',
            )
            for q in (0.5, 0.95, 0.99)
        ]
        add(f"{what}, p50 / p95 / p99", "{:.1f} / {:.1f} / {:.1f} ms", *quantiles)
    within = _last(prometheus, 'sum(fraud_detection_latency_seconds_bucket{le="0.03"})')
    alerts = _last(prometheus, "sum(fraud_alerts_total)")
    add("alerts; within the objective's 30 ms", "{:,.0f}; {:.1f} %", alerts, 100 * within / alerts)
    _, mean, most = extremes('job:fraud_kafka_consumer_lag:sum{job="detector"}')
    add("lag, records: mean, maximum", "{:.1f}, {:,.0f}", mean, most)
    for job in ("detector", "quality"):
        memory = (
            prometheus.over(
                f'process_resident_memory_bytes{{job="{job}"}}',
                span.begin,
                span.end,
                SCRAPE_SECONDS,
            )[0].values
            / 2**20
        )
        tenth = max(len(memory) // 10, 1)
        add(
            f"memory of {job}, MiB: after a tenth, after half, at the end",
            "{:,.0f}, {:,.0f}, {:,.0f}",
            memory[tenth], memory[len(memory) // 2], memory[-1],
        )  # fmt: skip
        cores = _last(
            prometheus, f'rate(process_cpu_seconds_total{{job="{job}"}}[{span.seconds:.0f}s])'
        )
        add(f"processor of {job}, cores", "{:.2f}", cores)
    labels = {
        outcome: _last(prometheus, f'sum(fraud_labels_total{{outcome="{outcome}"}})')
        for outcome in ("true_positive", "false_positive", "false_negative", "true_negative")
    }
    hits = labels["true_positive"]
    add("labels received", "{:,.0f}", sum(labels.values()))
    add("precision, recall", "{:.3f}, {:.3f}", hits / (hits + labels["false_positive"]),
        hits / (hits + labels["false_negative"]))  # fmt: skip
    add("drift at the end: scores, largest feature", "{:.4f}, {:.4f}",
        _last(prometheus, "max(fraud_score_drift_psi)"),
        _last(prometheus, 'max(fraud_feature_drift_psi{feature!="Time"})'))  # fmt: skip
    aborted = _last(prometheus, 'sum(fraud_kafka_commits_total{outcome!="committed"})')
    rejected = _last(prometheus, "sum(fraud_dead_letters_total)")
    add("commits aborted or failed; dead letters", "{:,.0f}; {:,.0f}", aborted, rejected)
    rows.append(["alerts of Prometheus that fired", _fired(prometheus, span)])
    return report.table(["figure", "recorded"], rows, align="lr", padded=True)


def _last(prometheus: Prometheus, query: str) -> float:
    (series,) = prometheus.now(query)
    return float(series.values[-1])


def _fired(prometheus: Prometheus, span: TimeRange) -> str:
    firing = prometheus.over('ALERTS{alertstate="firing"}', span.begin, span.end, SCRAPE_SECONDS)
    return ", ".join(sorted({series.labels["alertname"] for series in firing})) or "none"


@contextmanager
def run_services(folder: Path) -> "Iterator[tuple[KafkaSettings, Topics, Deployed]]":
    """Run Kafka, the services and Prometheus until the block ends.

    Raises:
        BenchmarkError: if Prometheus is not installed.
    """
    program = find("prometheus")
    if program is None:
        raise BenchmarkError(
            "There is no prometheus on the PATH: install it, or run `make test` once."
        )
    artifact()
    with EmbeddedBroker(cache=cache_folder("kafka"), full_speed=True) as broker:
        settings, topics = KafkaSettings(broker.address), Topics()
        create_topics(settings, topics.all(), partitions=PARTITIONS, retention=None)
        with deployed(settings, topics, folder=folder, program=program) as services:
            yield settings, topics, services


def replay(
    settings: KafkaSettings,
    topics: Topics,
    services: Deployed,
    folder: Path,
    rate: float,
    seconds: float,
) -> TimeRange:
    """Replay two days of a twin in so many seconds; return when it ran."""
    rows = folder / "twin.csv"
    write(synthesize(round(rate * seconds), SEED), rows)
    speed = ("--data", str(rows), "--speed", str(DAYS_SECONDS / seconds))
    begin = time.time()
    with (
        replaying(settings, topics, folder, *speed) as process,
        progress_bar("Running", round(seconds), unit="s") as advance,
    ):
        while process.poll() is None:
            for service in (services.detector, services.quality):
                service.check()
            try:
                process.wait(1)
            except subprocess.TimeoutExpired:
                advance(1)
    if process.returncode:
        raise BenchmarkError(f"The replay ended with exit code {process.returncode}.")
    end = time.time()
    time.sleep(SETTLE_SECONDS)
    return TimeRange(begin, end)


def measure(arguments: argparse.Namespace) -> str:
    """Run everything, draw the dashboards, and return the report's section."""
    machine, seconds = report.machine(), 60 * arguments.minutes
    with TemporaryDirectory(prefix="fraudstream-soak-") as temporary:
        folder = Path(temporary)
        with run_services(folder) as (settings, topics, services):
            span = replay(settings, topics, services, folder, arguments.rate, seconds)
            figures = table(services.prometheus, span)
            arguments.folder.mkdir(parents=True, exist_ok=True)
            dashboards = read_dashboards()
            for dashboard in (overview(dashboards), *dashboards):
                path = arguments.folder / f"{dashboard.uid}.png"
                save(path, dashboard, services.prometheus, end=span.end, shown=span.seconds)
    return (
        f"`python -m benchmarks.operations.soak --minutes {arguments.minutes:g}`, on {machine}, "
        f"with an embedded Apache Kafka {EmbeddedBroker.version}, exactly-once, one detector, "
        f"{PARTITIONS} partitions.\n\n{figures}"
    )


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    parser = command_parser("benchmarks.operations.soak", __doc__)
    parser.add_argument("--minutes", type=positive, default=30, help="for the two days")
    parser.add_argument("--rate", type=positive, default=300, help="mean transactions a second")
    parser.add_argument("--folder", type=Path, default=Path(), help="for the pictures")
    parser.add_argument("--report", type=Path, metavar="FILE", help="page to write the table to")
    return parser


def run(arguments: argparse.Namespace) -> None:
    """Measure, print, write."""
    publish(measure(arguments), arguments.report, "soak")


if __name__ == "__main__":
    run_command(parser(), run)
