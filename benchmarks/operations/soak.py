"""The service for half an hour, as a dashboard sees it: `python -m benchmarks.operations.soak`.

Starts an embedded Kafka, a detector, a quality monitor and a Prometheus of deploy/, and replays
the two days of a twin in the time given, with its days and nights: busier hours, quieter ones. What
Prometheus recorded is then put into a table and drawn, as the dashboards have it.

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
from benchmarks.harness.detector import PARTITIONS, artifact
from benchmarks.harness.ending import in_a_sentence
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
from fraudstream.logs import log_to_stderr
from fraudstream.progress import progress_bar
from kafkaio.settings import KafkaSettings
from kafkaio.topics import create_topics

if TYPE_CHECKING:
    from collections.abc import Iterator

DAYS_SECONDS = 172_792  # from the file's first transaction to its last
SEED = 7  # of the rows; the demo's model was trained on others

# After the last label, until all is judged and scraped.
SETTLE_SECONDS = 4 * SCRAPE_SECONDS

# What is drawn, two panels a row: dashboard, title.
DRAWN = (
    ("fraud-operations", "Transactions"),
    ("detector-service", "Batch size"),
    ("detector-service", "Event to score"),
    ("detector-service", "Event to acknowledged alert"),
    ("detector-service", "Lag by partition"),
    ("detector-service", "CPU"),
    ("detector-service", "Memory"),
    ("fraud-operations", "Precision and recall"),
    ("model-health", "Drift of the scores"),
    ("model-health", "Drift of the features"),
)
PANEL = {"w": 12, "h": 8}


@dataclass(frozen=True)
class Span:
    """The time that a run took, seconds since the epoch."""

    begin: float
    end: float

    @property
    def seconds(self) -> float:
        """How long it was."""
        return self.end - self.begin


def overview(boards: Sequence[Dashboard]) -> Dashboard:
    """Return a dashboard of the panels that are drawn, without marks across them."""
    panels = {(board.uid, panel.title): panel for board in boards for panel in board.panels}
    placed = []
    for number, name in enumerate(DRAWN):
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


def table(prometheus: Prometheus, span: Span) -> str:
    """Return what Prometheus recorded, in a few figures."""
    scored = 'sum(fraud_transactions_scored_total{job="detector"})'
    rows = [["transactions scored", f"{_last(prometheus, scored):,.0f}"]]

    def add(name: str, text: str, *values: float) -> None:
        rows.append([name, text.format(*values)])

    def ends(query: str) -> tuple[float, float, float]:
        """Return the least, the mean and the most in the time in which the stream flowed."""
        # The first and last minute of a rate of a minute are of a stream that begins, and ends.
        found = prometheus.over(query, span.begin + 60, span.end - 60, SCRAPE_SECONDS)
        values = np.concatenate([series.values for series in found])
        return float(values.min()), float(values.mean()), float(values.max())

    least, mean, most = ends('job:fraud_transactions_scored:rate1m{job="detector"}')
    add(
        "a second: least minute, mean, busiest minute",
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
    _, mean, most = ends('job:fraud_kafka_consumer_lag:sum{job="detector"}')
    add("lag, records: mean, most", "{:.1f}, {:,.0f}", mean, most)
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
    verdicts = {
        outcome: _last(prometheus, f'sum(fraud_labels_total{{outcome="{outcome}"}})')
        for outcome in ("true_positive", "false_positive", "false_negative", "true_negative")
    }
    hits = verdicts["true_positive"]
    add("labels that came", "{:,.0f}", sum(verdicts.values()))
    add("precision, recall", "{:.3f}, {:.3f}", hits / (hits + verdicts["false_positive"]),
        hits / (hits + verdicts["false_negative"]))  # fmt: skip
    add("drift at the end: scores, the feature that moved most", "{:.4f}, {:.4f}",
        _last(prometheus, "max(fraud_score_drift_psi)"),
        _last(prometheus, 'max(fraud_feature_drift_psi{feature!="Time"})'))  # fmt: skip
    aborted = _last(prometheus, 'sum(fraud_kafka_commits_total{outcome!="committed"})')
    refused = _last(prometheus, "sum(fraud_dead_letters_total)")
    add("commits aborted or failed; dead letters", "{:,.0f}; {:,.0f}", aborted, refused)
    rows.append(["what fired", _fired(prometheus, span)])
    return report.table(["what", "recorded"], rows)


def _last(prometheus: Prometheus, query: str) -> float:
    (series,) = prometheus.now(query)
    return float(series.values[-1])


def _fired(prometheus: Prometheus, span: Span) -> str:
    found = prometheus.over('ALERTS{alertstate="firing"}', span.begin, span.end, SCRAPE_SECONDS)
    return ", ".join(sorted({series.labels["alertname"] for series in found})) or "nothing"


@contextmanager
def running(folder: Path) -> "Iterator[tuple[KafkaSettings, Topics, Deployed]]":
    """Run Kafka, the services and Prometheus until the block ends.

    Raises:
        BenchmarkError: there is no Prometheus.
    """
    program = find("prometheus")
    if program is None:
        raise BenchmarkError("There is no prometheus on the PATH: install it, or run `make test`.")
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
) -> Span:
    """Replay two days of a twin in so many seconds; return when that was."""
    rows = folder / "twin.csv"
    write(synthesize(round(rate * seconds), SEED), rows)
    speed = ("--data", str(rows), "--speed", str(DAYS_SECONDS / seconds))
    begin = time.time()
    with (
        replaying(settings, topics, folder, *speed) as process,
        progress_bar("Running", round(seconds), unit="s") as advance,
    ):
        while process.poll() is None:
            for part in (services.detector, services.quality):
                part.check()
            try:
                process.wait(1)
            except subprocess.TimeoutExpired:
                advance(1)
    if process.returncode:
        raise BenchmarkError(f"The replay ended with exit code {process.returncode}.")
    end = time.time()
    time.sleep(SETTLE_SECONDS)
    return Span(begin, end)


def run(arguments: argparse.Namespace) -> str:
    """Run, draw, and return the report's section."""
    machine, seconds = report.machine(), 60 * arguments.minutes
    with TemporaryDirectory(prefix="fraudstream-soak-") as temporary:
        folder = Path(temporary)
        with running(folder) as (settings, topics, services):
            span = replay(settings, topics, services, folder, arguments.rate, seconds)
            figures = table(services.prometheus, span)
            arguments.folder.mkdir(parents=True, exist_ok=True)
            boards = read_dashboards()
            for board in (overview(boards), *boards):
                path = arguments.folder / f"{board.uid}.png"
                save(path, board, services.prometheus, end=span.end, shown=span.seconds)
    return (
        f"`python -m benchmarks.operations.soak --minutes {arguments.minutes:g}`, on {machine}, "
        f"with an embedded Apache Kafka {EmbeddedBroker.version}, exactly-once, one detector, "
        f"{PARTITIONS} partitions.\n\n{figures}"
    )


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.operations.soak",
        description=(__doc__ or "").partition("\n\n")[2],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--minutes", type=float, default=30, help="that the two days take")
    parser.add_argument(
        "--rate", type=float, default=300, help="transactions a second, in the mean"
    )
    parser.add_argument("--folder", type=Path, default=Path(), help="where the pictures go")
    parser.add_argument("--report", type=Path, metavar="FILE", help="page to write the table to")
    arguments = parser.parse_args()
    log_to_stderr()
    with in_a_sentence():
        text = run(arguments)
        print(text)
        if arguments.report:
            report.write_section(arguments.report, "soak", text)


if __name__ == "__main__":
    main()
