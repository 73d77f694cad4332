"""What the detector costs as the work grows: partitions, replicas, batches, the topic itself.

Each setting differs from what a user gets by one thing, and drains a full topic, exactly-once.
"""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from statistics import median
from tempfile import gettempdir

from benchmarks.harness import report
from benchmarks.harness.bench import Bench
from benchmarks.harness.detector import PARTITIONS
from benchmarks.harness.errors import BenchmarkError
from benchmarks.harness.rounds import Runs, Way, measure
from benchmarks.harness.runs import Run, run_detector
from events.codec import Encoding

RECORDS, QUICK_RECORDS = 500_000, 200_000

# As `fraudstream detect` has it.
BATCH_MAXIMUM = 16_384

# Kafka's log keeps so many bytes of a transaction.
BYTES = {Encoding.JSON: 750, Encoding.COMPACT: 340}


@dataclass(frozen=True, slots=True)
class Setting:
    """How the detector is run, and on what.

    Attributes:
        records: in the topic.
        encoding: of them.
        partitions: of the topic.
        replicas: detectors that share it, on the same cores.
        batch_maximum: records in a batch, at most.
    """

    records: int = RECORDS
    encoding: Encoding = Encoding.JSON
    partitions: int = PARTITIONS
    replicas: int = 1
    batch_maximum: int = BATCH_MAXIMUM

    @property
    def name(self) -> str:
        """A name of its own, for its files and its group."""
        return (
            f"{self.encoding}-{self.records}-{self.partitions}-{self.replicas}-{self.batch_maximum}"
        )


PARTITIONS_TRIED, REPLICAS_TRIED = (1, 2, 4, 8), (1, 2)
BATCHES_TRIED = (64, 256, 1_024, 4_096, BATCH_MAXIMUM)

# In compact: as JSON the last one would take 7 GB of disk.
RECORDS_TRIED = (1_000_000, 3_000_000, 10_000_000)

# Fewer than elsewhere: a round of them takes more than a minute.
LONG_ROUNDS = 2

Series = Mapping[str, Setting]
"""Settings by what differs, rising."""

BATCHES = "batches of at most"
TOPICS = "records in the topic, compact"


def series(records: int) -> dict[str, Series]:
    """Return what is tried on a topic of so many records, by what grows."""
    usual = Setting(records)
    # Half of the topic does not count where several begin, so there are twice as many records.
    shared = replace(usual, records=2 * records)
    return {
        "partitions": {f"{it}": replace(usual, partitions=it) for it in PARTITIONS_TRIED},
        "replicas": {f"{it}": replace(shared, replicas=it) for it in REPLICAS_TRIED},
        BATCHES: {f"{it:,}": replace(usual, batch_maximum=it) for it in BATCHES_TRIED},
    }


def quick_series(records: int) -> dict[str, Series]:
    """Return the least that is tried: a small batch and a large one."""
    batches = (BATCHES_TRIED[1], BATCHES_TRIED[-1])
    return {BATCHES: {f"{it:,}": Setting(records, batch_maximum=it) for it in batches}}


def topics() -> dict[str, Series]:
    """Return the topics that are tried; they take minutes to be filled."""
    return {TOPICS: {f"{it:,}": Setting(it, Encoding.COMPACT) for it in RECORDS_TRIED}}


def measured(bench: Bench, grown: Mapping[str, Series], rounds: int) -> dict[str, list[Run]]:
    """Return the runs of each setting, by its name; topics are filled before.

    Raises:
        BenchmarkError: a detector fails, or the disk has no room for the topics.
        PartFailedError: a detector fails.
    """
    settings = {it.name: it for one in grown.values() for it in one.values()}
    check_room({(it.records, it.encoding, it.partitions) for it in settings.values()})
    for it in settings.values():
        bench.backlog(it.records, encoding=it.encoding, partitions=it.partitions)
    ways: dict[str, Way] = {name: partial(_drain, bench, it) for name, it in settings.items()}
    return measure(ways, rounds, ours=ways, title="Measuring costs")[0]


def check_room(backlogs: set[tuple[int, Encoding, int]]) -> None:
    """See that topics of so many records in these encodings fit on the disk.

    Raises:
        BenchmarkError: they do not.
    """
    needed = sum(records * BYTES[encoding] for records, encoding, _ in backlogs)
    free = free_bytes()
    if free < needed:
        raise BenchmarkError(
            f"The topics take {needed / 1e9:.0f} GB of {gettempdir()}, which has "
            f"{free / 1e9:.0f} GB left; choose another place with TMPDIR."
        )


def free_bytes() -> int:
    """Return how much the disk has left where Kafka's topics are kept."""
    return shutil.disk_usage(gettempdir()).free


def _drain(bench: Bench, setting: Setting, number: int) -> Run:
    return run_detector(
        bench.settings,
        bench.backlog(setting.records, encoding=setting.encoding, partitions=setting.partitions),
        bench.artifact,
        folder=bench.folder / f"{setting.name}-{number}",
        options=("--batch-maximum", str(setting.batch_maximum)),
        replicas=setting.replicas,
    )


def table(grown: Mapping[str, Series], runs: Runs) -> str:
    """Return the costs as a Markdown table, medians of the rounds, memory the most of all."""
    rows = []
    for what, settings in grown.items():
        for label, setting in settings.items():
            done = runs[setting.name]
            rates = [run.rate for run in done]
            rows.append(
                [
                    f"{what}: {label}",
                    f"{median(rates):,.0f}",
                    _span(rates),
                    f"{median(run.cpu_seconds for run in done):,.1f}",
                    f"{max(run.megabytes for run in done):,.0f}",
                ]
            )
    return report.table(["", "a second", "of the rounds", "CPU s / million", "peak MB"], rows)


def _span(rates: Sequence[float]) -> str:
    return f"{min(rates):,.0f} to {max(rates):,.0f}"
