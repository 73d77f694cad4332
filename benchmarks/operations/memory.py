"""Whether a detector's memory stays flat.

`python -m benchmarks.operations.memory [SECONDS] [--report FILE]`

Keeps a detector fully busy for ten minutes by default, reads its resident memory once a second from
its metrics (`process_resident_memory_bytes`), and fits a line. For comparison the report states the
slope that a leak of one byte a record would have.
"""

import argparse
import shutil
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import report
from benchmarks.harness.backlog import SPACING
from benchmarks.harness.command import command_parser, publish, run_command
from benchmarks.harness.detector import PARTITIONS, artifact, start_detector
from benchmarks.harness.errors import BenchmarkError
from benchmarks.harness.load import LoadGenerator, load_producer
from benchmarks.harness.subscriber import Subscriber
from benchmarks.harness.transactions import draw_transactions
from broker.server import EmbeddedBroker
from events.topics import Topics
from fraudstream.cache import cache_folder
from fraudstream.demo.service_process import ServiceProcess
from fraudstream.progress import progress_bar
from kafkaio.settings import KafkaSettings
from kafkaio.topics import create_topics

SECONDS = 600.0
WARM_UP_SECONDS = 60.0
PORT = 8100
GAUGE = "process_resident_memory_bytes "

# How far the load stays ahead of the newest alert: more than a second of work, so that the detector
# is never idle, and few enough records to be in the page cache when it reads them.
AHEAD_RECORDS = 100_000
BURST_RECORDS = 2_000
PATIENCE_SECONDS = 60.0

# Neighbouring seconds are correlated, which makes the standard error too small; means of a quarter
# of a minute are nearly independent.
BLOCK_SECONDS = 15.0

# Records are kept for a minute, and Kafka checks retention every five: at 75,000 records a second
# of 750 bytes, 20 GB in six minutes.
BYTES_A_SECOND = 75_000 * 750
KEPT_SECONDS = 360.0
RETENTION = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Samples:
    """Samples of a detector's memory under load.

    Attributes:
        records: sent and, except for the last ones, scored.
        seconds: of load.
        moments: of each sample, seconds since the load began, float64 [n].
        megabytes: resident memory at each moment, float64 [n].
    """

    records: int
    seconds: float
    moments: NDArray[np.float64]
    megabytes: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Line:
    """A straight line through the memory, by least squares.

    Attributes:
        slope: megabytes an hour.
        error: the slope's standard error, likewise.
    """

    slope: float
    error: float


def fit(moments: NDArray[np.float64], megabytes: NDArray[np.float64]) -> Line:
    """Return the line through the means of each `BLOCK_SECONDS`.

    The slope's standard error is the residuals' standard deviation, with n - 2 degrees of freedom,
    over the root of the moments' summed squares about their mean.

    Raises:
        BenchmarkError: if there are fewer than three blocks.
    """
    blocks = (moments // BLOCK_SECONDS).astype(int)
    chosen = [blocks == block for block in np.unique(blocks)]
    if len(chosen) < 3:  # noqa: PLR2004 - two points have no error
        raise BenchmarkError(f"A slope needs three times {BLOCK_SECONDS:.0f} s.")
    hours = np.array([moments[block].mean() for block in chosen]) / 3600
    means = np.array([megabytes[block].mean() for block in chosen])
    slope, offset = np.polyfit(hours, means, 1)
    residuals = means - (slope * hours + offset)
    variance = float(residuals @ residuals) / (len(hours) - 2)
    return Line(float(slope), float(np.sqrt(variance / np.sum((hours - hours.mean()) ** 2))))


def sparkline(values: NDArray[np.float64], width: int = 60) -> str:
    """Return the values as a line of bars, scaled from the smallest to the largest."""
    means = np.array([block.mean() for block in np.array_split(values, min(width, len(values)))])
    span = means.max() - means.min() or 1.0
    return "".join("▁▂▃▄▅▆▇█"[int(level)] for level in (means - means.min()) / span * 7.999)


def resident_megabytes(detector: ServiceProcess) -> float:
    """Return the detector's resident memory, in MB of 10**6 bytes.

    Raises:
        BenchmarkError: if its metrics do not include it, as on systems without /proc.
    """
    for line in detector.scrape().splitlines():
        if line.startswith(GAUGE):
            return float(line.removeprefix(GAUGE)) / 1e6
    raise BenchmarkError(f"The detector's metrics have no {GAUGE.strip()} on this system.")


def keep_busy(
    load: LoadGenerator, detector: ServiceProcess, subscriber: Subscriber, seconds: float
) -> Samples:
    """Send records as fast as the detector reads them, and sample its memory once a second."""
    sent = reached = 0
    samples: list[tuple[float, float]] = []
    start = moved = time.monotonic()
    with progress_bar("Watching the memory", round(seconds), unit="seconds") as advance:
        while (now := time.monotonic() - start) < seconds:
            if now >= len(samples):
                detector.check()
                samples.append((now, resident_megabytes(detector)))
                advance(1)
            for key, _ in subscriber.new_alerts():
                reached = max(reached, int(key.rpartition(b"-")[2]))
                moved = time.monotonic()
            if time.monotonic() - moved > PATIENCE_SECONDS:
                raise BenchmarkError(f"No alert came for {PATIENCE_SECONDS:.0f} s.")
            while sent < reached + AHEAD_RECORDS:
                for number in range(sent, sent + BURST_RECORDS):
                    load.send(number)
                sent += BURST_RECORDS
                load.poll()
    moments, megabytes = np.array(samples).T
    return Samples(sent, time.monotonic() - start, moments, megabytes)


def measure(seconds: float, delivery: str) -> Samples:
    """Run Kafka and a detector, keep the detector busy, and return the samples.

    Raises:
        BenchmarkError: if the time is too short, or the disk has no room for the records.
    """
    least = WARM_UP_SECONDS + 3 * BLOCK_SECONDS
    if seconds < least:
        raise BenchmarkError(f"A slope needs {least:.0f} s or more, the warm-up included.")
    needed = BYTES_A_SECOND * min(seconds, KEPT_SECONDS)
    free = shutil.disk_usage(gettempdir()).free
    if free < needed:
        raise BenchmarkError(
            f"The records may take {needed / 1e9:.0f} GB of {gettempdir()}, which has "
            f"{free / 1e9:.0f} GB left; choose fewer seconds, or another folder with TMPDIR."
        )
    model = artifact()
    transactions = draw_transactions(model)
    topics = Topics("memory.")
    flagged = np.zeros(SPACING, dtype=np.bool_)
    flagged[-1] = True
    with (
        TemporaryDirectory(prefix="fraudstream-benchmark-") as folder,
        EmbeddedBroker(cache=cache_folder("kafka")) as broker,
    ):
        settings = KafkaSettings(broker.address)
        create_topics(settings, topics.all(), partitions=PARTITIONS, retention=RETENTION)
        with (
            start_detector(
                settings,
                model,
                prefix=topics.prefix,
                group="memory",
                delivery=delivery,
                folder=Path(folder),
                port=PORT,
            ) as detector,
            Subscriber(settings, [topics.alerts]) as subscriber,
            load_producer(settings) as producer,
        ):
            detector.wait_until_ready()
            load = LoadGenerator(producer, transactions, topics.transactions, "memory", flagged)
            return keep_busy(load, detector, subscriber, seconds)


def describe(samples: Samples, delivery: str) -> str:
    """Return the result as a paragraph of Markdown."""
    warm = samples.moments >= WARM_UP_SECONDS
    moments, megabytes = samples.moments[warm], samples.megabytes[warm]
    line = fit(moments, megabytes)
    rate = samples.records / samples.seconds
    return (
        f"{samples.records:,} records in {samples.seconds / 60:.1f} minutes, "
        f"{rate:,.0f} a second, {delivery}. "
        f"The detector's resident memory was {megabytes[0]:.1f} MB after a minute, "
        f"{megabytes[-1]:.1f} MB at the end, at most {megabytes.max():.1f} MB. "
        f"Slope by least squares: **{line.slope:+.1f} MB an hour, "
        f"standard error {line.error:.1f}** (a leak of a byte a record would be "
        f"{rate * 3600 / 1e6:.0f} MB an hour).\n\n"
        f"`{sparkline(megabytes)}` {megabytes.min():.1f} to {megabytes.max():.1f} MB"
    )


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    parser = command_parser("benchmarks.operations.memory", __doc__)
    parser.add_argument("seconds", type=float, nargs="?", default=SECONDS)
    parser.add_argument(
        "--delivery", choices=("exactly-once", "at-least-once"), default="exactly-once"
    )
    parser.add_argument("--report", type=Path, metavar="FILE", help="page to write the result to")
    return parser


def run(arguments: argparse.Namespace) -> None:
    """Measure, print, write."""
    conditions = f"`python -m benchmarks.operations.memory`, on {report.machine()}."
    result = describe(measure(arguments.seconds, arguments.delivery), arguments.delivery)
    publish(f"{conditions}\n\n{result}", arguments.report, "memory")


if __name__ == "__main__":
    run_command(parser(), run)
