"""The detector, its alternatives, and upper limits: `python -m benchmarks.speed [--quick]`.

Every contender processes the same records (JSON, rows of the twin) with the same saved model, the
same real Kafka and the same machine, and emits alerts. There are four parts.

- throughput: every contender drains a full topic in a process of its own. Contenders take turns,
  in rounds, and each figure is the median of the rounds. A run counts from the first commit that a
  `read_committed` subscriber sees to the last one, so the start does not count; the time from
  starting the process to its first alert has a column of its own. Every alert must arrive, once.
- latency: every contender is given rising fixed rates until it falls behind.
- delivery: exactly-once, with and without the journal, against at-least-once.
- growth: the detector's cost as partitions, replicas, batches and topics grow.

The last line is a JSON object.
"""

import argparse
import json
import sys
import time
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from benchmarks.harness import report
from benchmarks.harness.bench import open_bench
from benchmarks.harness.command import command_parser, positive, run_command
from benchmarks.harness.errors import BenchmarkError
from benchmarks.peers import environments
from benchmarks.peers.lineup import PEERS, Peer
from benchmarks.speed import plots
from benchmarks.speed.parts import PARTS, Section, sentences
from broker.errors import BrokerError
from broker.server import EmbeddedBroker

RECORDS, QUICK_RECORDS = 1_000_000, 600_000
ROUNDS = 3
QUICK_PARTS = ("throughput", "latency")


def choose_peers(arguments: argparse.Namespace) -> tuple[list[Peer], dict[str, str]]:
    """Return the chosen peers, installed, and the reason for each that cannot run."""
    peers = []
    missing = {}
    if arguments.only is None:
        chosen = [peer for peer in PEERS if peer.in_short_form or not arguments.quick]
    else:
        chosen = [peer for peer in PEERS if peer.program in arguments.only]
    for peer in chosen:
        name = peer.environment
        try:
            if name:
                environments.make(name)
        except (BenchmarkError, BrokerError) as error:
            missing[peer.name] = f"cannot be installed: {error}"
        else:
            peers.append(peer)
    return peers, missing


def measure(arguments: argparse.Namespace) -> dict[str, Section]:
    """Measure the chosen parts, print them, and return them by name."""
    peers, missing = choose_peers(arguments)
    conditions = (
        f"`python -m benchmarks.speed`, on {report.machine()}, with Apache Kafka "
        f"{EmbeddedBroker.version} and the subscriber beside it; "
        f"onnxruntime {version('onnxruntime')}, confluent-kafka {version('confluent-kafka')}. "
    )
    sections: dict[str, Section] = {}
    with open_bench() as bench:
        for name in arguments.parts:
            start = time.monotonic()
            section = sections[name] = PARTS[name](bench, peers, arguments)
            section.text = "\n\n".join([conditions + section.text, *sentences(missing)])
            print(section.text, end="\n\n", flush=True)
            print(f"{name}: {(time.monotonic() - start) / 60:.1f} minutes", file=sys.stderr)
    return sections


def write(sections: Mapping[str, Section], page: Path, folder: Path) -> None:
    """Write each section to a page, and its pictures to a folder."""
    for name, section in sections.items():
        for picture in section.pictures:
            plots.write(picture, folder)
        images = [plots.embed(picture, folder, page) for picture in section.pictures]
        report.write_section(page, name, "\n\n".join([section.text, *images]))


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    parser = command_parser("benchmarks.speed", __doc__)
    programs = [peer.program for peer in PEERS]
    parser.add_argument("--quick", action="store_true", help="the main figures: five minutes")
    parser.add_argument(
        "--only", nargs="*", choices=programs, metavar="PEER", help=f"of {', '.join(programs)}"
    )
    parser.add_argument(
        "--parts",
        nargs="+",
        choices=PARTS,
        metavar="PART",
        help=f"of {', '.join(PARTS)}; default: all, or {' and '.join(QUICK_PARTS)} with --quick",
    )
    parser.add_argument(
        "--rounds",
        type=int,
        choices=range(1, 100),
        default=ROUNDS,
        metavar="COUNT",
        help=f"that count, after one that does not; default {ROUNDS}",
    )
    parser.add_argument("--records", type=positive, help=f"in the full topic; default {RECORDS:,}")
    parser.add_argument("--report", type=Path, metavar="FILE", help="page to write the sections to")
    parser.add_argument(
        "--folder", type=Path, help="for the pictures; default: `pictures` beside the page"
    )
    return parser


def with_defaults(arguments: argparse.Namespace) -> argparse.Namespace:
    """Return the arguments with the defaults that depend on others."""
    quick = arguments.quick
    arguments.parts = arguments.parts or (QUICK_PARTS if quick else tuple(PARTS))
    arguments.records = int(arguments.records or (QUICK_RECORDS if quick else RECORDS))
    if arguments.report and not arguments.folder:
        arguments.folder = arguments.report.parent / "pictures"
    return arguments


def run(arguments: argparse.Namespace) -> None:
    """Measure, write, and print the summary of all parts."""
    arguments = with_defaults(arguments)
    sections = measure(arguments)
    if arguments.report:
        write(sections, arguments.report, arguments.folder)
    summary = {
        key: value for section in sections.values() for key, value in section.summary.items()
    }
    print(json.dumps(summary))


if __name__ == "__main__":
    run_command(parser(), run)
