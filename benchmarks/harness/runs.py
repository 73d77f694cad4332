"""One run of one way to do the work: start it, see all of its alerts, measure what it took."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.harness.detector import start_detector
from benchmarks.harness.errors import BenchmarkError
from benchmarks.harness.subscriber import Arrivals, Subscriber
from benchmarks.harness.usage import Usage, family
from benchmarks.peers.environments import ROOT
from benchmarks.peers.job import Job
from benchmarks.speed.throughput import Span, span
from broker.process import start_tied
from events.topics import Topics
from fraudstream.demo.service_process import ServiceProcess
from kafkaio.settings import KafkaSettings

PORT = 8300
FIRST_ALERT_SECONDS = 120.0
END_SECONDS = 20.0
LOG_LINES = 15


@dataclass(frozen=True, slots=True)
class Backlog:
    """A full topic.

    Attributes:
        topics: whose `transactions` it is.
        records: in it.
        spacing: one in so many is flagged.
        keys: of those.
    """

    topics: Topics
    records: int
    spacing: int
    keys: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Run:
    """What one run measured.

    Attributes:
        rate: records a second, from the first commit to the last; its start does not count.
        cpu_seconds: of all its processes, for a million records, over the same time.
        megabytes: resident memory of all its processes at most, in MB of 10**6 bytes.
        first_seconds: from starting the process to its first alert; None where it has none.
    """

    rate: float
    cpu_seconds: float
    megabytes: float
    first_seconds: float | None


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
    """Let `fraudstream detect` drain the backlog, in a group of its own.

    Args:
        settings: how to reach Kafka.
        backlog: what is read.
        artifact: folder of the model.
        folder: for logs; its name is the group's.
        delivery: "exactly-once" or "at-least-once".
        options: further ones of the command line.
        replicas: how many share the work. Of several only the second half of the topic counts,
            when each of them has its partitions.

    Raises:
        BenchmarkError: if an alert is missing, comes twice or was not expected.
        PartFailedError: if a detector fails.
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
            arrivals = subscriber.wait_for(
                backlog.keys,
                seconds=_patience(backlog),
                check=lambda: _check(detectors),
            )
            for detector in detectors:
                detector.stop()
        return _run(subscriber, arrivals, backlog, usages, start, skip=0.5 * (replicas > 1))


def _check(detectors: Iterable[ServiceProcess]) -> None:
    for detector in detectors:
        detector.check()


def run_peer(
    settings: KafkaSettings, backlog: Backlog, job: Job, *, program: str, python: Path
) -> Run:
    """Let a peer drain the backlog.

    Args:
        settings: how to reach Kafka.
        backlog: what `job` reads.
        job: what the peer is told; its alerts' topic is there and is its own.
        program: module within `benchmarks.peers`.
        python: of the peer's environment.

    Raises:
        BenchmarkError: if it fails, or an alert is missing, comes twice or was not expected.
    """
    with Subscriber(settings, [job.alerts]) as subscriber:
        start = time.monotonic_ns()
        with (
            start_peer(job, program=program, python=python) as process,
            Usage(process.pid) as usage,
        ):
            arrivals = subscriber.wait_for(
                backlog.keys, seconds=_patience(backlog), check=process.check
            )
        return _run(subscriber, arrivals, backlog, [usage], start)


@dataclass(frozen=True, slots=True)
class Running:
    """A program that was started.

    Attributes:
        process: of it.
        folder: beside which its output goes.
    """

    process: "subprocess.Popen[bytes]"
    folder: Path

    @property
    def pid(self) -> int:
        """The process id."""
        return self.process.pid

    def check(self) -> None:
        """See that it has not ended.

        Raises:
            BenchmarkError: with the end of its log, if it has.
        """
        if self.process.poll() is not None:
            raise BenchmarkError(self.failure())

    def failure(self) -> str:
        """Return how it ended, and the end of its log."""
        log = _log(self.folder, "log").read_text(errors="replace")
        told = "\n  ".join(log.splitlines()[-LOG_LINES:])
        code = self.process.returncode
        return f"{self.folder.name} ended with exit code {code}; the end of its log:\n  {told}"


@contextmanager
def start_peer(job: Job, *, program: str, python: Path) -> Iterator[Running]:
    """Run a peer; end it with the block."""
    module = f"benchmarks.peers.{program}"
    with _process([python, "-m", module, *job.arguments()], job.folder) as process:
        yield process


def run_limit(name: str, job: Job, records: int) -> Run:
    """Measure one of `benchmarks.speed.limits`.

    Raises:
        BenchmarkError: if it fails.
    """
    command = [
        sys.executable,
        "-m",
        "benchmarks.speed.limits",
        name,
        *job.arguments(),
        str(records),
    ]
    with _process(command, job.folder) as process, Usage(process.pid) as usage:
        while process.process.poll() is None:
            time.sleep(0.05)
    if process.process.returncode:
        raise BenchmarkError(process.failure())
    measured = Span(*json.loads(_log(job.folder, "out").read_text()))
    return _measured(measured, [usage], None)


def _run(
    subscriber: Subscriber,
    arrivals: Arrivals,
    backlog: Backlog,
    usages: Sequence[Usage],
    start: int,
    *,
    skip: float = 0.0,
) -> Run:
    if extra := subscriber.news():
        raise BenchmarkError(f"{len(extra)} alerts came twice.")
    first = min(moment for came in arrivals.values() for moment in came)
    return _measured(span(arrivals, backlog.spacing, skip=skip), usages, (first - start) / 1e9)


def _measured(measured: Span, usages: Sequence[Usage], first_seconds: float | None) -> Run:
    cpu_seconds = sum(usage.cpu_between(measured.first, measured.last) for usage in usages)
    return Run(
        rate=measured.rate,
        cpu_seconds=cpu_seconds / measured.records * 1e6,
        megabytes=sum(usage.peak_megabytes for usage in usages),
        first_seconds=first_seconds,
    )


def _patience(backlog: Backlog) -> float:
    """Return the seconds that a backlog may take: ten records a second, or 5,000 of many."""
    return FIRST_ALERT_SECONDS + min(backlog.records / 10, 60 + backlog.records / 5_000)


@contextmanager
def _process(command: Sequence[str | Path], folder: Path) -> Iterator[Running]:
    """Run a command from the repository's root; end it and all it started with the block."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with _log(folder, "out").open("wb") as out, _log(folder, "log").open("wb") as log:
        process = start_tied(command, stdout=out, stderr=log, cwd=ROOT, env=environment)
    try:
        yield Running(process, folder)
    finally:
        _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    try:
        started = family(psutil.Process(process.pid))
    except psutil.Error:
        started = []
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for left in started[1:]:
        if left.is_running():
            left.kill()


def _log(folder: Path, kind: str) -> Path:
    """Return a file beside the folder, which is the peer's own."""
    return folder.with_name(f"{folder.name}.{kind}")
