"""Half an hour of the service, as Prometheus records it: `python -m benchmarks.operations.soak`.

Starts an embedded Kafka, a detector, a quality monitor and the Prometheus of deploy/, and replays
the two days of a twin in the given time, with its busier and quieter hours. It then prints the
recorded figures as a table and draws the panels of the dashboards.

    python -m benchmarks.operations.soak --folder docs/soak --report docs/healthy-day.md
"""

import argparse
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.harness import report
from benchmarks.harness.command import command_parser, positive, publish, run_command
from benchmarks.harness.detector import PARTITIONS, artifact
from benchmarks.harness.errors import BenchmarkError
from benchmarks.operations.dashboards import save
from benchmarks.operations.deployed import Deployed, deployed, find, replaying
from benchmarks.operations.panels import SCRAPE_SECONDS, Dashboard, read_dashboards
from benchmarks.operations.recorded import TimeRange, table
from broker.server import EmbeddedBroker
from dataset.twin import synthesize
from dataset.writer import write
from events.topics import Topics
from fraudstream.cache import cache_folder
from fraudstream.progress import progress_bar
from kafkaio.settings import KafkaSettings
from kafkaio.topics import create_topics

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
    ("detector-service", "CPU"),
    ("detector-service", "Memory"),
    ("fraud-operations", "Precision and recall"),
    ("model-health", "Drift of the scores"),
    ("model-health", "Drift of the features"),
)
PANEL = {"w": 12, "h": 8}


def overview(dashboards: Sequence[Dashboard]) -> Dashboard:
    """Return a dashboard of these `PANELS`, without annotations."""
    panels = {(board.uid, panel.title): panel for board in dashboards for panel in board.panels}
    placed = []
    for number, name in enumerate(PANELS):
        place = {"x": 12 * (number % 2), "y": 8 * (number // 2), **PANEL}
        panel = panels[name]
        placed.append(replace(panel, json={**panel.json, "gridPos": place}))
    return replace(
        dashboards[0],
        uid="healthy-day",
        title="A healthy day",
        rows=(),
        panels=tuple(placed),
        annotations=(),
    )


@contextmanager
def run_services(folder: Path) -> Iterator[tuple[KafkaSettings, Topics, Deployed]]:
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
