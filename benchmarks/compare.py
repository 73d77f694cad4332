"""Us, what one could pick instead, and the limits: `python -m benchmarks.compare [--quick]`.

The same records (JSON, rows of the twin), the same saved model, the same real Kafka, the same
machine, alerts out. Every way drains a full topic from its beginning in a process of its own; the
ways take turns, in rounds, and every figure is the median of the rounds. A run is counted from the
first commit that a `read_committed` subscriber sees by its alerts to the last one, so that nobody's
start counts; that is told on its own, from starting the process to its first alert. All alerts
must be there, by their ids, and none twice. The last line is a JSON object.
"""

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import comparison, report, throughput
from benchmarks.comparison import BARE, DECODE, OURS, OURS_AT_LEAST_ONCE, SCORE
from benchmarks.delivery import positive
from benchmarks.detecting import PARTITIONS, artifact
from benchmarks.ending import in_a_sentence
from benchmarks.errors import BenchmarkError
from benchmarks.peers import environments
from benchmarks.peers.job import Job
from benchmarks.peers.lineup import BATCH_LOOP, PEERS, TUTORIAL_LOOP, Peer
from benchmarks.running import Backlog, Run, run_detector, run_limit, run_peer
from benchmarks.stream import Rows, make_rows
from broker.errors import BrokerError
from broker.server import EmbeddedBroker
from broker.topics import create_topics
from events.settings import KafkaSettings
from events.topics import Topics
from fraudstream.cache import cache_folder
from fraudstream.logs import log_to_stderr
from fraudstream.progress import progress_bar

RECORDS, QUICK_RECORDS = 1_000_000, 250_000
ROUNDS, QUICK_ROUNDS = 3, 1

# Of a short backlog more are flagged, so that there are alerts to count: 30 of 300.
FEW_RECORDS = 10_000
FEW_SPACING = 10

LIMITS = {BARE: "bare", DECODE: "decode", SCORE: "score"}
DETECTORS = {OURS: "exactly-once", OURS_AT_LEAST_ONCE: "at-least-once"}

Way = Callable[[int], Run]
"""Runs a way to do the work, in the round of that number."""


@dataclass(slots=True)
class Bench:
    """What all runs share.

    Attributes:
        settings: how to reach Kafka.
        artifact: folder of the model.
        rows: of the backlogs.
        folder: for logs, and for what peers keep.
        records: in a full topic.
    """

    settings: KafkaSettings
    artifact: Path
    rows: Rows
    folder: Path
    records: int
    _backlogs: dict[int, Backlog] = field(default_factory=dict)

    def backlog(self, records: int) -> Backlog:
        """Return a full topic of that many records, or `self.records` if they are fewer."""
        records = min(records, self.records)
        if records not in self._backlogs:
            topics = self._create(f"backlog-{records}.")
            spacing = throughput.SPACING if records > FEW_RECORDS else FEW_SPACING
            keys = throughput.fill(
                self.settings, topics.transactions, self.rows, records, spacing=spacing
            )
            self._backlogs[records] = Backlog(topics, records, spacing, keys)
        return self._backlogs[records]

    def job(self, name: str, backlog: Backlog) -> Job:
        """Return the job of a run: its own group, folder and alerts' topic."""
        folder = self.folder / name
        folder.mkdir()
        return Job(
            broker=self.settings.broker,
            transactions=backlog.topics.transactions,
            alerts=self._create(f"{name}.").alerts,
            artifact=self.artifact,
            group=name,
            folder=folder,
        )

    def detector(self, delivery: str, number: int) -> Run:
        """Run ours."""
        folder = self.folder / f"{delivery}-{number}"
        backlog = self.backlog(self.records)
        return run_detector(self.settings, backlog, self.artifact, delivery=delivery, folder=folder)

    def peer(self, peer: Peer, number: int) -> Run:
        """Run one of the peers."""
        backlog = self.backlog(peer.records)
        job = self.job(f"{peer.program}-{number}", backlog)
        return run_peer(self.settings, backlog, job, program=peer.program, python=peer.python)

    def limit(self, name: str, number: int) -> Run:
        """Run one of the limits."""
        backlog = self.backlog(self.records)
        return run_limit(name, self.job(f"{name}-{number}", backlog), backlog.records)

    def _create(self, prefix: str) -> Topics:
        topics = Topics(prefix)
        create_topics(self.settings.client(), topics.all(), partitions=PARTITIONS, retention=None)
        return topics


def measure(ways: Mapping[str, Way], rounds: int) -> tuple[dict[str, list[Run]], dict[str, str]]:
    """Return the runs of each way, and why those that failed did; they are not run again.

    Raises:
        BenchmarkError: if ours fails.
        PartFailedError: likewise.
    """
    runs: dict[str, list[Run]] = {name: [] for name in ways}
    failures: dict[str, str] = {}
    with progress_bar("Comparing", rounds * len(ways), unit="runs") as advance:
        for number in range(rounds):
            for name in turns(tuple(ways), number):
                if name not in failures:
                    try:
                        runs[name].append(ways[name](number))
                    except BenchmarkError as error:
                        if name in DETECTORS:
                            raise
                        failures[name] = f"failed: {error}"
                        del runs[name]
                    else:
                        print(f"{name}: {runs[name][-1].rate:,.0f} a second", file=sys.stderr)
                advance(1)
    return runs, failures


def turns(names: Sequence[str], number: int) -> Sequence[str]:
    """Return the names in a round's order: who goes first changes from round to round."""
    first = number % len(names)
    return (*names[first:], *names[:first])


def chosen(arguments: argparse.Namespace) -> tuple[list[Peer], dict[str, str]]:
    """Return the peers that are asked for, their environments made, and why others are not there.

    In the short form, engines that are not installed are left out unless they are asked for.
    """
    peers = []
    missing = {}
    asked = [it for it in PEERS if arguments.only is None or it.program in arguments.only]
    for peer in asked:
        name = peer.environment
        spared = arguments.quick and arguments.only is None and peer.engine
        if name and spared and not environments.is_made(name):
            missing[peer.name] = f"is not installed; --only {peer.program} does it"
            continue
        try:
            if name:
                environments.make(name)
        except (BenchmarkError, BrokerError) as error:
            missing[peer.name] = f"cannot be had: {error}"
        else:
            peers.append(peer)
    return peers, missing


def run(arguments: argparse.Namespace) -> str:
    """Measure all of it, print it, and return the report's section."""
    peers, missing = chosen(arguments)
    machine = report.machine()
    model = artifact()
    rows = make_rows(model)
    with (
        TemporaryDirectory(prefix="fraudstream-benchmark-") as folder,
        EmbeddedBroker(cache=cache_folder("kafka"), full_speed=True) as broker,
    ):
        bench = Bench(KafkaSettings(broker.address), model, rows, Path(folder), arguments.records)
        runs, failures = measure(
            {name: partial(bench.detector, delivery) for name, delivery in DETECTORS.items()}
            | {peer.title: partial(bench.peer, peer) for peer in peers}
            | {name: partial(bench.limit, limit) for name, limit in LIMITS.items()},
            arguments.rounds,
        )
    delivery = DETECTORS | {peer.title: peer.delivery for peer in peers}
    few = ", ".join(f"{it.name} {it.records:,}" for it in peers if it.records < arguments.records)
    text = "\n\n".join(
        [
            f"`python -m benchmarks.compare`, on {machine}, with Apache Kafka {broker.version} and "
            f"the subscriber beside it; TensorFlow {version('tensorflow')}, confluent-kafka "
            f"{version('confluent-kafka')}. A topic of {arguments.records:,} records of "
            f"{PARTITIONS} partitions" + (f" ({few})" if few else "") + f"; medians of "
            f"{arguments.rounds} rounds, memory the most of all rounds.",
            comparison.table(runs, delivery),
            *(f"{name} {reason}." for name, reason in (missing | failures).items()),
        ]
    )
    print(text, end="\n\n")
    figures = comparison.summary(
        runs,
        [peer.title for peer in peers if peer.is_framework],
        batch_loop=BATCH_LOOP.title,
        tutorial_loop=TUTORIAL_LOOP.title,
    )
    print(json.dumps(figures))
    return text


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.compare", description=(__doc__ or "").partition("\n\n")[2]
    )
    programs = [peer.program for peer in PEERS]
    parser.add_argument("--quick", action="store_true", help="less of everything: five minutes")
    parser.add_argument(
        "--only", nargs="*", choices=programs, metavar="PEER", help=f"of {', '.join(programs)}"
    )
    parser.add_argument(
        "--rounds", type=int, choices=range(1, 100), metavar="COUNT", help=f"default {ROUNDS}"
    )
    parser.add_argument("--records", type=positive, help=f"in the full topic; default {RECORDS:,}")
    parser.add_argument("--report", type=Path, metavar="FILE", help="page to write the table to")
    return parser


def parsed(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the command line's arguments, defaults filled in."""
    found = parser().parse_args(arguments)
    found.rounds = found.rounds or (QUICK_ROUNDS if found.quick else ROUNDS)
    found.records = int(found.records or (QUICK_RECORDS if found.quick else RECORDS))
    return found


def main() -> None:
    """Measure, print, write."""
    arguments = parsed()
    log_to_stderr()
    with in_a_sentence():
        text = run(arguments)
        if arguments.report:
            report.write_section(arguments.report, "throughput", text)


if __name__ == "__main__":
    main()
