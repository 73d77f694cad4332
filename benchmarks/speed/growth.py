"""The detector's cost as the work grows: partitions, replicas, batches, records in the topic.

Each scenario differs from the defaults in one thing and drains a full topic, exactly-once.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from statistics import median
from tempfile import gettempdir

from benchmarks.harness.bench import Bench
from benchmarks.harness.detector import PARTITIONS
from benchmarks.harness.drain import Run, run_detector
from benchmarks.harness.errors import BenchmarkError
from benchmarks.harness.rounds import Contender, Runs, measure
from events.codec import Encoding
from model.artifact import markdown

RECORDS, QUICK_RECORDS = 500_000, 200_000

# The default of `fraudstream detect`.
BATCH_MAXIMUM = 16_384

# What a transaction takes in Kafka's log.
BYTES = {Encoding.JSON: 750, Encoding.COMPACT: 340}


@dataclass(frozen=True, slots=True)
class Scenario:
    """How the detector is run, and on which topic.

    Attributes:
        records: in the topic.
        encoding: of the records.
        partitions: of the topic.
        replicas: detectors that share the topic, on the same cores.
        batch_maximum: records in a batch, at most.
    """

    records: int = RECORDS
    encoding: Encoding = Encoding.JSON
    partitions: int = PARTITIONS
    replicas: int = 1
    batch_maximum: int = BATCH_MAXIMUM

    @property
    def name(self) -> str:
        """A unique name, for its files and its consumer group."""
        return (
            f"{self.encoding}-{self.records}-{self.partitions}-{self.replicas}-{self.batch_maximum}"
        )


PARTITIONS_TRIED, REPLICAS_TRIED = (1, 2, 4, 8), (1, 2)
BATCHES_TRIED = (64, 256, 1_024, 4_096, BATCH_MAXIMUM)

# In compact: as JSON the last one would take 7 GB of disk.
RECORDS_TRIED = (1_000_000, 3_000_000, 10_000_000)

# Fewer than elsewhere: one of these rounds takes more than a minute.
LONG_ROUNDS = 2

Scenarios = Mapping[str, Scenario]
"""Scenarios by the value that differs, rising."""

BATCHES = "batches of at most"
TOPICS = "records in the topic, compact"


def series(records: int) -> dict[str, Scenarios]:
    """Return the scenarios on a topic of so many records, by what grows."""
    default = Scenario(records)
    # With several replicas the first half does not count, so the topic is twice as long.
    shared = replace(default, records=2 * records)
    return {
        "partitions": {
            f"{count}": replace(default, partitions=count) for count in PARTITIONS_TRIED
        },
        "replicas": {f"{count}": replace(shared, replicas=count) for count in REPLICAS_TRIED},
        BATCHES: {f"{size:,}": replace(default, batch_maximum=size) for size in BATCHES_TRIED},
    }


def quick_series(records: int) -> dict[str, Scenarios]:
    """Return the scenarios of the short form: a small batch and a large one."""
    sizes = (BATCHES_TRIED[1], BATCHES_TRIED[-1])
    return {BATCHES: {f"{size:,}": Scenario(records, batch_maximum=size) for size in sizes}}


def topics() -> dict[str, Scenarios]:
    """Return the scenarios with long topics, which take minutes to fill."""
    return {TOPICS: {f"{count:,}": Scenario(count, Encoding.COMPACT) for count in RECORDS_TRIED}}


def measure_series(
    bench: Bench, grown: Mapping[str, Scenarios], rounds: int
) -> dict[str, list[Run]]:
    """Return the runs of each scenario, by its name; topics are filled before.

    Raises:
        BenchmarkError: if a detector fails, or the disk has no room for the topics.
        ServiceFailedError: if a detector fails.
    """
    scenarios = {each.name: each for one in grown.values() for each in one.values()}
    check_room({(each.records, each.encoding, each.partitions) for each in scenarios.values()})
    for each in scenarios.values():
        bench.backlog(each.records, encoding=each.encoding, partitions=each.partitions)
    contenders: dict[str, Contender] = {
        name: partial(_drain, bench, scenario) for name, scenario in scenarios.items()
    }
    return measure(contenders, rounds, required=contenders, title="Measuring costs")[0]


def check_room(backlogs: set[tuple[int, Encoding, int]]) -> None:
    """Check that the disk has room for topics of (records, encoding, partitions).

    Raises:
        BenchmarkError: if it has not.
    """
    needed = sum(records * BYTES[encoding] for records, encoding, _ in backlogs)
    free = free_bytes()
    if free < needed:
        raise BenchmarkError(
            f"The topics take {needed / 1e9:.0f} GB of {gettempdir()}, which has "
            f"{free / 1e9:.0f} GB left; choose another folder with TMPDIR."
        )


def free_bytes() -> int:
    """Return the free space on the disk of Kafka's topics."""
    return shutil.disk_usage(gettempdir()).free


def _drain(bench: Bench, scenario: Scenario, number: int) -> Run:
    backlog = bench.backlog(
        scenario.records, encoding=scenario.encoding, partitions=scenario.partitions
    )
    return run_detector(
        bench.settings,
        backlog,
        bench.artifact,
        folder=bench.folder / f"growth-{scenario.name}-{number}",
        options=("--batch-maximum", str(scenario.batch_maximum)),
        replicas=scenario.replicas,
    )


def table(grown: Mapping[str, Scenarios], runs: Runs) -> str:
    """Return the costs as a Markdown table, medians of the rounds, peak memory of all rounds."""
    rows = []
    for what, scenarios in grown.items():
        for value, scenario in scenarios.items():
            rounds = runs[scenario.name]
            rates = [run.rate for run in rounds]
            rows.append(
                [
                    f"{what}: {value}",
                    f"{median(rates):,.0f}",
                    f"{min(rates):,.0f} to {max(rates):,.0f}",
                    f"{median(run.cpu_seconds for run in rounds):,.1f}",
                    f"{max(run.megabytes for run in rounds):,.0f}",
                ]
            )
    headers = ["", "a second", "of the rounds", "CPU s / million", "peak MB"]
    return markdown.table(headers, rows, align="lr", padded=True)
