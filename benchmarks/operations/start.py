"""How fast a detector starts, and what memory it takes: `python -m benchmarks.operations.start`.

Starts `fraudstream detect` on an empty topic of an embedded Kafka, with each runtime in turns, and
measures the time from the start of its process until it is ready (/readyz), and its resident memory
then. It takes two minutes.
"""

import argparse
import time
from itertools import product
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import psutil

from benchmarks.harness import report
from benchmarks.harness.command import command_parser, publish, run_command
from benchmarks.harness.detector import PARTITIONS, artifact, start_detector
from broker.server import EmbeddedBroker
from events.topics import Topics
from fraudstream.cache import cache_folder
from fraudstream.progress import progress_bar
from kafkaio.settings import KafkaSettings
from kafkaio.topics import create_topics
from model.artifact import markdown

RUNTIMES = ("keras", "onnx")
ROUNDS = 5
PORT = 8000


def start_once(
    settings: KafkaSettings, topics: Topics, runtime: str, folder: Path
) -> tuple[float, float, float]:
    """Start a detector; return the seconds until it was ready, its CPU seconds, and its MB."""
    begin = time.monotonic()
    with start_detector(
        settings,
        artifact(),
        prefix=topics.prefix,
        group=folder.name,
        delivery="exactly-once",
        folder=folder,
        port=PORT,
        options=["--runtime", runtime],
    ) as detector:
        detector.wait_until_ready()
        seconds, process = time.monotonic() - begin, psutil.Process(detector.pid)
        times = process.cpu_times()
        return seconds, times.user + times.system, process.memory_info().rss / 1e6


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    parser = command_parser("benchmarks.operations.start", __doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, metavar="N")
    parser.add_argument("--report", type=Path, metavar="FILE", help="page to write it to")
    return parser


def run(arguments: argparse.Namespace) -> None:
    """Measure, print, write."""
    machine = report.machine()
    artifact()  # trained before anything is timed
    measured: dict[str, list[tuple[float, float, float]]] = {runtime: [] for runtime in RUNTIMES}
    with (
        TemporaryDirectory(prefix="fraudstream-benchmark-") as temporary,
        EmbeddedBroker(cache=cache_folder("kafka")) as broker,
        progress_bar("Starting", arguments.rounds * len(RUNTIMES), unit="detectors") as advance,
    ):
        settings, topics = KafkaSettings(broker.address), Topics("start.")
        create_topics(settings, topics.all(), partitions=PARTITIONS, retention=None)
        for number, runtime in product(range(arguments.rounds), RUNTIMES):
            folder = Path(temporary) / f"{runtime}-{number}"
            measured[runtime].append(start_once(settings, topics, runtime, folder))
            advance(1)
    lines = []
    for runtime, values in measured.items():
        seconds, computed, megabytes = (median(column) for column in zip(*values, strict=True))
        lines.append([f"`{runtime}`", f"{seconds:.1f}", f"{computed:.1f}", f"{megabytes:,.0f}"])
    headers = ["runtime", "ready after, s", "CPU seconds until then", "resident then, MB"]
    text = (
        f"{markdown.table(headers, lines, align='lr', padded=True)}\n\n"
        f"Medians of {arguments.rounds} starts on {machine}."
    )
    publish(text, arguments.report, "start")


if __name__ == "__main__":
    run_command(parser(), run)
