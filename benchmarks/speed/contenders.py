"""The contenders of the comparison: the detector in several forms, peers, and upper limits."""

import json
import sys
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial

from benchmarks.harness.backlog import DrainWindow
from benchmarks.harness.bench import Bench
from benchmarks.harness.detector import start_detector
from benchmarks.harness.drain import PORT, Run, run_detector
from benchmarks.harness.errors import BenchmarkError
from benchmarks.harness.programs import Program, run_program
from benchmarks.harness.rounds import Contender
from benchmarks.harness.usage import Usage
from benchmarks.peers.job import Job
from benchmarks.peers.lineup import Peer
from benchmarks.peers.run import make_job, run_peer, start_peer
from events.codec import Encoding
from events.topics import Topics
from fraudstream.demo.service_process import ServiceProcess

OURS = "fraudstream, exactly-once"
OURS_AT_LEAST_ONCE = "fraudstream, at-least-once"
OURS_COMPACT = "fraudstream, compact encoding"
OURS_JOURNAL = "fraudstream, exactly-once, journal"
BARE, DECODE, SCORE = "the client alone", "consume and decode", "scoring alone"

LIMITS = {BARE: "bare", DECODE: "decode", SCORE: "score"}
"""Programs of `benchmarks.speed.limits`, by name."""

LIMIT_POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Detector:
    """A form of the detector.

    Attributes:
        delivery: its guarantee.
        encoding: of the transactions.
        options: further options of the command line.
    """

    delivery: str
    encoding: Encoding = Encoding.JSON
    options: tuple[str, ...] = ()


DETECTORS = {
    OURS: Detector("exactly-once"),
    OURS_AT_LEAST_ONCE: Detector("at-least-once"),
    OURS_COMPACT: Detector("exactly-once", Encoding.COMPACT),
    OURS_JOURNAL: Detector("exactly-once", options=("--journal",)),
}


def guarantees(peers: Sequence[Peer]) -> dict[str, str]:
    """Return the delivery guarantee of each detector and peer, by name."""
    ours = {name: detector.delivery for name, detector in DETECTORS.items()}
    return ours | {peer.title: peer.delivery for peer in peers}


def detectors(bench: Bench, part: str, names: Sequence[str], records: int) -> dict[str, Contender]:
    """Return detectors that drain a topic of so many records.

    The topics are filled here, before anything is measured.

    Args:
        bench: the shared environment.
        part: of the comparison; consumer groups and folders are named after it.
        names: keys of `DETECTORS`.
        records: in the topic.
    """
    for encoding in {DETECTORS[name].encoding for name in names}:
        bench.backlog(records, encoding=encoding)
    return {name: partial(_run_detector, bench, part, name, records) for name in names}


def _run_detector(bench: Bench, part: str, name: str, records: int, number: int) -> Run:
    detector = DETECTORS[name]
    return run_detector(
        bench.settings,
        bench.backlog(records, encoding=detector.encoding),
        bench.artifact,
        delivery=detector.delivery,
        folder=bench.folder / f"{part}-{_identifier(name)}-{number}",
        options=detector.options,
    )


def _identifier(name: str) -> str:
    return name.replace(", ", "-").replace(" ", "-")


def peers_and_limits(
    bench: Bench, peers: Sequence[Peer], limits: Sequence[str], records: int
) -> dict[str, Contender]:
    """Return peers, slow ones with fewer records, and limits that process so many records.

    Args:
        bench: the shared environment.
        peers: to run.
        limits: keys of `LIMITS`.
        records: in the topic.
    """
    contenders: dict[str, Contender] = {
        peer.title: partial(_run_peer, bench, peer, records) for peer in peers
    }
    for name in limits:
        contenders[name] = partial(_run_limit, bench, LIMITS[name], records)
    return contenders


def _run_peer(bench: Bench, peer: Peer, records: int, number: int) -> Run:
    backlog = bench.backlog(min(records, peer.records))
    name = f"{peer.program}-{number}"
    job = make_job(bench, name, backlog.topics.transactions, bench.topics(f"{name}.").alerts)
    return run_peer(bench, backlog, job, peer)


def _run_limit(bench: Bench, limit: str, records: int, number: int) -> Run:
    topics = bench.backlog(records).topics
    job = make_job(bench, f"{limit}-{number}", topics.transactions, topics.alerts)
    return run_limit(limit, job, records)


def run_limit(limit: str, job: Job, records: int) -> Run:
    """Run one of `benchmarks.speed.limits` to its end.

    Raises:
        BenchmarkError: if it fails.
    """
    module = "benchmarks.speed.limits"
    command = [sys.executable, "-m", module, limit, *job.arguments(), str(records)]
    with run_program(command, job.folder) as program, Usage(program.pid) as usage:
        while program.process.poll() is None:
            time.sleep(LIMIT_POLL_SECONDS)
    if program.process.returncode:
        raise BenchmarkError(program.failure())
    return Run.of(DrainWindow(*json.loads(program.stdout())), [usage], None)


def launch_detector(bench: Bench, name: str, topics: Topics) -> ServiceProcess:
    """Start a detector of that name on these topics; it ends with the block."""
    group = topics.prefix.rstrip(".")
    detector = DETECTORS[name]
    return start_detector(
        bench.settings,
        bench.artifact,
        prefix=topics.prefix,
        group=group,
        delivery=detector.delivery,
        folder=bench.folder / group,
        port=PORT,
        options=detector.options,
    )


def launch_peer(bench: Bench, peer: Peer, topics: Topics) -> AbstractContextManager[Program]:
    """Start a peer on these topics; it ends with the block."""
    job = make_job(bench, topics.prefix.rstrip("."), topics.transactions, topics.alerts)
    return start_peer(job, peer)
