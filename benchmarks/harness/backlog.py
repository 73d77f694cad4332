"""A full topic for a contender to drain, and the rate that the arrival of its alerts shows."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.harness.errors import BenchmarkError
from benchmarks.harness.load import LoadGenerator, load_producer
from benchmarks.harness.subscriber import Arrivals
from benchmarks.harness.transactions import TransactionPool
from events.topics import Topics
from kafkaio.settings import KafkaSettings

# 0.2 %, as in the data set: a batch of 4,096 raises eight alerts, so that each one is a commit.
SPACING = 500

# Alerts of one commit come within a millisecond of each other, two commits lie 40 ms apart.
COMMIT_GAP_SECONDS = 0.005


@dataclass(frozen=True, slots=True)
class Backlog:
    """A full topic.

    Attributes:
        topics: whose `transactions` topic is full.
        records: in the topic.
        spacing: one in so many records is flagged.
        keys: of the flagged records.
    """

    topics: Topics
    records: int
    spacing: int
    keys: Sequence[bytes]


def fill(
    settings: KafkaSettings,
    topic: str,
    transactions: TransactionPool,
    records: int,
    *,
    spacing: int = SPACING,
) -> list[bytes]:
    """Publish so many records, every `spacing`th of them flagged; return the flagged keys."""
    flagged = np.zeros(spacing, dtype=np.bool_)
    flagged[-1] = True
    with load_producer(settings) as producer:
        load = LoadGenerator(producer, transactions, topic, "full", flagged)
        for number in range(records):
            load.send(number)
            if number % SPACING == 0:
                load.poll()
    return list(load.times)


@dataclass(frozen=True, slots=True)
class DrainWindow:
    """The part of a drain that is measured.

    Attributes:
        first: its beginning, nanoseconds of the monotonic clock.
        last: its end.
        records: processed in between.
    """

    first: int
    last: int
    records: int

    @property
    def rate(self) -> float:
        """Records a second."""
        return self.records / (self.last - self.first) * 1e9


def drain_window(arrivals: Arrivals, spacing: int = SPACING, *, skip: float = 0.0) -> DrainWindow:
    """Return the window from the first to the last commit of a drained topic.

    Args:
        arrivals: of each alert.
        spacing: one in so many records is flagged.
        skip: share of the alerts to skip before a commit counts as the first one.

    Raises:
        BenchmarkError: if an alert arrived twice, or there was only one commit.
    """
    moments = np.sort(np.array([moment for each in arrivals.values() for moment in each]))
    if len(moments) > len(arrivals):
        raise BenchmarkError(f"{len(moments) - len(arrivals)} alerts came twice.")
    gaps = np.flatnonzero(np.diff(moments) > COMMIT_GAP_SECONDS * 1e9)
    gaps = gaps[gaps >= skip * len(moments)]
    if not len(gaps):
        raise BenchmarkError("The topic was drained in one commit: there are too few records.")
    first_commit = int(gaps[0]) + 1
    records = (len(moments) - first_commit) * spacing
    return DrainWindow(int(moments[first_commit - 1]), int(moments[-1]), records)
