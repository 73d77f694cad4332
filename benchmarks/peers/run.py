"""Running a peer: start it on a job, drain a backlog with it."""

import time
from contextlib import AbstractContextManager

from benchmarks.harness.backlog import Backlog
from benchmarks.harness.bench import Bench
from benchmarks.harness.drain import Run, drained, patience
from benchmarks.harness.programs import Program, run_program
from benchmarks.harness.subscriber import Subscriber
from benchmarks.harness.usage import Usage
from benchmarks.peers.job import Job
from benchmarks.peers.lineup import Peer


def make_job(bench: Bench, name: str, transactions: str, alerts: str) -> Job:
    """Return a job between these topics, with a consumer group and a folder of that name."""
    folder = bench.folder / name
    folder.mkdir()
    return Job(
        broker=bench.settings.broker,
        transactions=transactions,
        alerts=alerts,
        artifact=bench.artifact,
        group=name,
        folder=folder,
    )


def start_peer(job: Job, peer: Peer) -> AbstractContextManager[Program]:
    """Run a peer until the block ends."""
    module = f"benchmarks.peers.{peer.program}"
    return run_program([peer.python, "-m", module, *job.arguments()], job.folder)


def run_peer(bench: Bench, backlog: Backlog, job: Job, peer: Peer) -> Run:
    """Drain a backlog with a peer.

    Args:
        bench: the shared environment.
        backlog: to drain, the job's input.
        job: of the peer; its topic for alerts exists and is its own.
        peer: to run.

    Raises:
        BenchmarkError: if the peer fails, or an alert is missing, arrives twice or is unexpected.
    """
    with Subscriber(bench.settings, [job.alerts]) as subscriber:
        start = time.monotonic_ns()
        with start_peer(job, peer) as program, Usage(program.pid) as usage:
            arrivals = subscriber.wait_for(
                backlog.keys, seconds=patience(backlog), check=program.check
            )
        return drained(subscriber, arrivals, backlog, [usage], start)
