"""Us, what one could pick instead, and the limits: `python -m benchmarks.speed.compare [--quick]`.

The same records (JSON, rows of the twin), the same saved model, the same real Kafka, the same
machine, alerts out. Three parts. Throughput: every way drains a full topic from its beginning in a
process of its own; the ways take turns, in rounds, and every figure is the median of the rounds. A
run is counted from the first commit that a `read_committed` subscriber sees by its alerts to the
last one, so that nobody's start counts; that is told on its own, from starting the process to its
first alert. All alerts must be there, by their ids, and none twice. Latency: every way is given
fixed rates until it falls behind. Growth: what ours costs as partitions, replicas, batches and
topics grow. The last line is a JSON object.
"""

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.harness import report
from benchmarks.harness.bench import Bench
from benchmarks.harness.detector import PARTITIONS, artifact
from benchmarks.harness.ending import in_a_sentence
from benchmarks.harness.errors import BenchmarkError
from benchmarks.harness.rounds import measure
from benchmarks.harness.stream import make_rows
from benchmarks.peers import environments
from benchmarks.peers.lineup import PEERS, Peer
from benchmarks.speed import comparison, growth, plots, rates
from benchmarks.speed.comparison import DETECTORS, LIMITS
from benchmarks.speed.delivery import positive
from broker.errors import BrokerError
from broker.server import EmbeddedBroker
from events.codec import Encoding
from fraudstream.cache import cache_folder
from fraudstream.logs import log_to_stderr
from kafkaio.settings import KafkaSettings

RECORDS, QUICK_RECORDS = 1_000_000, 250_000
ROUNDS, QUICK_ROUNDS = 3, 1
QUICK_RATES, QUICK_SECONDS = rates.RATES[1:3], 3.0


@dataclass(slots=True)
class Section:
    """What a part found.

    Attributes:
        text: of the page's section.
        pictures: that are shown below it.
        figures: for the last line.
    """

    text: str
    pictures: list[plots.Picture] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)


def throughput(bench: Bench, peers: Sequence[Peer], asked: argparse.Namespace) -> Section:
    """Let every way drain a full topic."""
    ways = comparison.ways(bench, peers, asked.records)
    runs, failures = measure(ways, asked.rounds, ours=DETECTORS, title="Comparing")
    few = ", ".join(f"{it.name} {it.records:,}" for it in peers if it.records < asked.records)
    text = [
        f"A topic of {asked.records:,} records of {PARTITIONS} partitions"
        + (f" ({few})" if few else "")
        + f"; medians of {asked.rounds} rounds, memory the most of all rounds.",
        comparison.table(runs, deliveries(peers)),
        *sentences(failures),
    ]
    return Section(
        "\n\n".join(text),
        [plots.throughput(runs, ours=tuple(DETECTORS), limits=tuple(LIMITS))],
        comparison.summary(runs, [peer.title for peer in peers if peer.is_framework]),
    )


def latency(bench: Bench, peers: Sequence[Peer], asked: argparse.Namespace) -> Section:
    """Give every way fixed rates; in the short form, ours alone."""
    tried: Sequence[float] = rates.RATES
    seconds = rates.SECONDS
    if asked.quick:
        peers, tried, seconds = (), QUICK_RATES, QUICK_SECONDS
    ours = rates.ways(bench)
    climbs, failures = rates.measure(bench, ours | rates.peer_ways(bench, peers), tried, seconds)
    text = [
        f"Each rate for {seconds:g} s, after {rates.WARM_UP_SECONDS:g} s of it that do not count.",
        rates.table(climbs, deliveries(peers), tried),
        *sentences(failures),
    ]
    picture = plots.latency(climbs, tried, ours=len(ours))
    return Section("\n\n".join(text), [picture], rates.summary(climbs))


def costs(bench: Bench, _peers: Sequence[Peer], asked: argparse.Namespace) -> Section:
    """Measure ours as the work grows; in the short form, two sizes of batches."""
    if asked.quick:
        tried, long = growth.quick_series(growth.QUICK_RECORDS), {}
    else:
        tried, long = growth.series(growth.RECORDS), growth.topics()
    runs = growth.measured(bench, tried, asked.rounds)
    runs |= growth.measured(bench, long, growth.LONG_ROUNDS)
    text = [
        f"Exactly-once; {PARTITIONS} partitions, 1 replica and batches of at most "
        f"{growth.BATCH_MAXIMUM:,} where nothing else is said. Medians of {asked.rounds} rounds, "
        f"memory the most of all rounds"
        + (f"; of topics in compact {growth.LONG_ROUNDS} rounds." if long else "."),
        growth.table(tried | long, runs),
    ]
    return Section("\n\n".join(text), [plots.batches(tried, runs)])


PARTS = {"throughput": throughput, "latency": latency, "growth": costs}


def deliveries(peers: Sequence[Peer]) -> dict[str, str]:
    """Return what each way promises."""
    ours = {name: it.delivery for name, it in DETECTORS.items()}
    return ours | {peer.title: peer.delivery for peer in peers}


def sentences(reasons: Mapping[str, str]) -> list[str]:
    """Return why ways are not there."""
    return [f"{name} {reason}." for name, reason in reasons.items()]


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


def run(arguments: argparse.Namespace) -> dict[str, Section]:
    """Measure the parts that are asked for, print them, and return them by name."""
    peers, missing = chosen(arguments)
    machine = report.machine()
    model = artifact()
    sections: dict[str, Section] = {}
    with (
        TemporaryDirectory(prefix="fraudstream-benchmark-") as folder,
        EmbeddedBroker(cache=cache_folder("kafka"), full_speed=True) as broker,
    ):
        rows = {encoding: make_rows(model, encoding) for encoding in Encoding}
        bench = Bench(KafkaSettings(broker.address), model, rows, Path(folder))
        head = (
            f"`python -m benchmarks.speed.compare`, on {machine}, with Apache Kafka "
            f"{broker.version} and the subscriber beside it; "
            f"TensorFlow {version('tensorflow')}, confluent-kafka {version('confluent-kafka')}. "
        )
        for name in arguments.parts:
            begin = time.monotonic()
            section = sections[name] = PARTS[name](bench, peers, arguments)
            section.text = "\n\n".join([head + section.text, *sentences(missing)])
            print(section.text, end="\n\n", flush=True)
            print(f"{name}: {(time.monotonic() - begin) / 60:.1f} minutes", file=sys.stderr)
    return sections


def write(sections: Mapping[str, Section], page: Path, folder: Path) -> None:
    """Put what was found into a page, and its pictures into a folder."""
    for name, section in sections.items():
        for picture in section.pictures:
            plots.write(picture, folder)
        shown = [plots.shown(picture, folder, page) for picture in section.pictures]
        report.write_section(page, name, "\n\n".join([section.text, *shown]))


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.speed.compare", description=(__doc__ or "").partition("\n\n")[2]
    )
    programs = [peer.program for peer in PEERS]
    parser.add_argument("--quick", action="store_true", help="less of everything: five minutes")
    parser.add_argument(
        "--only", nargs="*", choices=programs, metavar="PEER", help=f"of {', '.join(programs)}"
    )
    parser.add_argument(
        "--parts",
        nargs="+",
        choices=PARTS,
        default=list(PARTS),
        metavar="PART",
        help=f"of {', '.join(PARTS)}; all of them",
    )
    parser.add_argument(
        "--rounds", type=int, choices=range(1, 100), metavar="COUNT", help=f"default {ROUNDS}"
    )
    parser.add_argument("--records", type=positive, help=f"in the full topic; default {RECORDS:,}")
    parser.add_argument("--report", type=Path, metavar="FILE", help="page to write it to")
    parser.add_argument(
        "--folder", type=Path, help="where its pictures go; default: `pictures` beside the page"
    )
    return parser


def parsed(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the command line's arguments, defaults filled in."""
    found = parser().parse_args(arguments)
    found.rounds = found.rounds or (QUICK_ROUNDS if found.quick else ROUNDS)
    found.records = int(found.records or (QUICK_RECORDS if found.quick else RECORDS))
    if found.report and not found.folder:
        found.folder = found.report.parent / "pictures"
    return found


def main() -> None:
    """Measure, print, write."""
    arguments = parsed()
    log_to_stderr()
    with in_a_sentence():
        sections = run(arguments)
        if arguments.report:
            write(sections, arguments.report, arguments.folder)
        figures = {key: it for one in sections.values() for key, it in one.figures.items()}
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
