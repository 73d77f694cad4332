"""One run of one contender: start it, wait for all of its alerts, measure rate and usage."""

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks.harness.backlog import Backlog, DrainWindow, drain_window
from benchmarks.harness.detector import start_detector
from benchmarks.harness.errors import BenchmarkError
from benchmarks.harness.stages import stage_microseconds
from benchmarks.harness.subscriber import Arrivals, Subscriber
from benchmarks.harness.usage import Usage
from kafkaio.settings import KafkaSettings

PORT = 8300
FIRST_ALERT_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Run:
    """The result of one run.

    Attributes:
        rate: records a second, from the first commit to the last; the start does not count.
        cpu_seconds: of all its processes, for a million records, in the same window.
        megabytes: peak resident memory of all its processes, in MB of 10**6 bytes.
        first_seconds: from starting the process to its first alert; None for a limit.
        stages: microseconds of each stage for a transaction; empty unless a detector ran.
    """

    rate: float
    cpu_seconds: float
    megabytes: float
    first_seconds: float | None
    stages: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, window: DrainWindow, usages: Sequence[Usage], first_seconds: float | None) -> "Run":
        """Return the run that was measured in a window."""
        cpu_seconds = sum(usage.cpu_between(window.first, window.last) for usage in usages)
        return cls(
            rate=window.rate,
            cpu_seconds=cpu_seconds / window.records * 1e6,
            megabytes=sum(usage.peak_megabytes for usage in usages),
            first_seconds=first_seconds,
        )


def run_detector(
    settings: KafkaSettings,
    backlog: Backlog,
    artifact: Path,
    *,
    folder: Path,
    delivery: str = "exactly-once",
    options: Sequence[str] = (),
    replicas: int = 1,
) -> Run:
    """Drain the backlog with `fraudstream detect`, in a consumer group of its own.

    Args:
        settings: how to reach Kafka.
        backlog: to drain.
        artifact: folder of the model.
        folder: for logs; its name is the group's.
        delivery: "exactly-once" or "at-least-once".
        options: further options of the command line.
        replicas: how many detectors share the work. With several only the second half of the
            topic counts, when each of them has its partitions.

    Raises:
        BenchmarkError: if an alert is missing, arrives twice or is unexpected.
        ServiceFailedError: if a detector fails.
    """
    with Subscriber(settings, [backlog.topics.alerts]) as subscriber:
        start = time.monotonic_ns()
        with ExitStack() as stack:
            detectors = [
                stack.enter_context(
                    start_detector(
                        settings,
                        artifact,
                        prefix=backlog.topics.prefix,
                        group=folder.name,
                        delivery=delivery,
                        folder=folder / str(number),
                        port=PORT + 100 * number,
                        options=options,
                    )
                )
                for number in range(replicas)
            ]
            usages = [stack.enter_context(Usage(detector.pid)) for detector in detectors]

            def check() -> None:
                for detector in detectors:
                    detector.check()

            arrivals = subscriber.wait_for(backlog.keys, seconds=patience(backlog), check=check)
            stages = stage_microseconds(detectors[0].scrape())
            for detector in detectors:
                detector.stop()
        skip = 0.5 if replicas > 1 else 0.0
        run = drained(subscriber, arrivals, backlog, usages, start, skip=skip)
        return replace(run, stages=stages)


def drained(
    subscriber: Subscriber,
    arrivals: Arrivals,
    backlog: Backlog,
    usages: Sequence[Usage],
    start: int,
    *,
    skip: float = 0.0,
) -> Run:
    """Return the run that drained a backlog.

    Args:
        subscriber: of the alerts.
        arrivals: of the backlog's alerts.
        backlog: that was drained.
        usages: of each process.
        start: when the processes were started, nanoseconds of the monotonic clock.
        skip: as for `drain_window`.

    Raises:
        BenchmarkError: if an alert arrived twice.
    """
    if extra := subscriber.new_alerts():
        raise BenchmarkError(f"{len(extra)} alerts came twice.")
    first = min(moment for each in arrivals.values() for moment in each)
    return Run.of(drain_window(arrivals, backlog.spacing, skip=skip), usages, (first - start) / 1e9)


def patience(backlog: Backlog) -> float:
    """Return the seconds that a drain may take: ten records a second, or 5,000 of many."""
    return FIRST_ALERT_SECONDS + min(backlog.records / 10, 60 + backlog.records / 5_000)
