"""How fast a detector drains a full topic."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.harness.detector import start_detector
from benchmarks.harness.errors import BenchmarkError
from benchmarks.harness.stream import Load, Rows, load_producer
from benchmarks.harness.subscriber import Arrivals, Subscriber
from events.topics import Topics
from kafkaio.settings import KafkaSettings

# 0.2 %, as in the data set: a batch of 4,096 raises eight alerts, so that each one is a commit.
SPACING = 500

# Alerts of one commit come within a millisecond of each other, two commits lie 40 ms apart.
COMMIT_GAP_SECONDS = 0.005
DRAIN_SECONDS = 120.0


def fill(
    settings: KafkaSettings, topic: str, rows: Rows, records: int, *, spacing: int = SPACING
) -> list[bytes]:
    """Publish so many records, every `spacing`th to be flagged; return the keys of those."""
    flagged = np.zeros(spacing, dtype=np.bool_)
    flagged[-1] = True
    with load_producer(settings) as producer:
        load = Load(producer, rows, topic, "full", flagged)
        for number in range(records):
            load.send(number)
            if number % SPACING == 0:
                load.serve()
    return list(load.times)


def drain(
    settings: KafkaSettings,
    topics: Topics,
    model: Path,
    subscriber: Subscriber,
    keys: list[bytes],
    *,
    delivery: str,
    name: str,
    folder: Path,
    port: int,
    options: Sequence[str] = (),
) -> float:
    """Let a new detector read the whole topic; return its records a second.

    Counted from its first commit to its last, as a subscriber to its alerts sees them; so its
    start, which is mostly TensorFlow's, does not count.

    Args:
        settings: how to reach Kafka.
        topics: whose `transactions` were filled.
        model: an artifact's folder.
        subscriber: reads the alerts of these topics.
        keys: what `fill` returned.
        delivery: "exactly-once" or "at-least-once".
        name: of this round, its own: the group that is joined.
        folder: for the detector's log.
        port: for its metrics.
        options: further ones of the command line.

    Raises:
        BenchmarkError: if an alert is missing or comes twice.
        PartFailedError: if the detector fails.
    """
    detector = start_detector(
        settings,
        model,
        prefix=topics.prefix,
        group=name,
        delivery=delivery,
        folder=folder / name,
        port=port,
        options=options,
    )
    with detector:
        arrivals = subscriber.wait_for(keys, seconds=DRAIN_SECONDS)
        detector.stop()
    if extra := subscriber.news():
        raise BenchmarkError(f"{len(extra)} alerts came twice.")
    return rate(arrivals)


@dataclass(frozen=True, slots=True)
class Span:
    """Part of a drained topic.

    Attributes:
        first: when it begins, nanoseconds of the monotonic clock.
        last: when it ends.
        records: that were done in between.
    """

    first: int
    last: int
    records: int

    @property
    def rate(self) -> float:
        """Records a second."""
        return self.records / (self.last - self.first) * 1e9


def rate(arrivals: Arrivals) -> float:
    """Return records a second between the first and the last commit of a drained topic."""
    return span(arrivals).rate


def span(arrivals: Arrivals, spacing: int = SPACING, *, skip: float = 0.0) -> Span:
    """Return what lies between the first and the last commit of a drained topic.

    Args:
        arrivals: when each alert came.
        spacing: one in so many records is flagged.
        skip: share of the alerts before the commit that counts as the first one.

    Raises:
        BenchmarkError: if an alert came twice, or there was but one commit.
    """
    moments = np.sort(np.array([moment for came in arrivals.values() for moment in came]))
    if len(moments) > len(arrivals):
        raise BenchmarkError(f"{len(moments) - len(arrivals)} alerts came twice.")
    gaps = np.flatnonzero(np.diff(moments) > COMMIT_GAP_SECONDS * 1e9)
    gaps = gaps[gaps >= skip * len(moments)]
    if not len(gaps):
        raise BenchmarkError("The topic was drained in one commit: there are too few records.")
    first_commit = int(gaps[0]) + 1
    records = (len(moments) - first_commit) * spacing
    return Span(int(moments[first_commit - 1]), int(moments[-1]), records)
