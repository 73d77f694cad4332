"""Where the detector's time goes: `python -m benchmarks.stages [--report FILE]`.

A detector, exactly-once, drains a full topic of the embedded Kafka, with the demo's model and rows
of the twin; its loop is timed stage by stage, in microseconds for each transaction. Two clocks: the
wall's, which counts waiting too (for Kafka, and for a core that others use), and that of the loop's
thread. Each figure is the median of the rounds. It takes about a minute.
"""

import argparse
import multiprocessing
import signal
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import median

from benchmarks import report, throughput
from benchmarks.detecting import PARTITIONS, artifact
from benchmarks.errors import BenchmarkError
from benchmarks.stopwatch import Profile, Stage
from benchmarks.stream import make_rows
from benchmarks.watching import watch_detector
from broker.errors import BrokerError
from broker.server import EmbeddedBroker
from broker.topics import create_topics
from consumer.errors import ConsumerError
from events.settings import KafkaSettings
from events.topics import Topics
from fraudstream.cache import cache_folder
from fraudstream.logs import log_to_stderr
from fraudstream.progress import progress_bar

MEANING = {
    Stage.FETCH: "`consume`, a Python object for each record",
    Stage.DECODE: "validated, into ids, money and numbers",
    Stage.FLOAT32: "the numbers as the network takes them",
    Stage.SCORE: "the network",
    Stage.ENCODE: "of what is flagged",
    Stage.PRODUCE: "the transaction begun, alerts handed over",
    Stage.OFFSETS: "sent to the transaction",
    Stage.COMMIT: "flushed, acknowledged",
    Stage.METRICS: "what Prometheus sees, told after the commit",
    Stage.NOTES: "offsets and limits kept between commits",
    Stage.REST: "the loop itself, and freeing what a batch was made of",
}


def profile(
    settings: KafkaSettings, topics: Topics, model: Path, records: int, name: str
) -> Profile:
    """Profile a detector in a process of its own, so that each round begins alike."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(watch_detector, settings, topics, model, records, name).result()


def table(profiles: Sequence[Profile]) -> str:
    """Return the medians of the rounds as a Markdown table, microseconds for each transaction."""
    total = median(it.wall for it in profiles)
    rows = []
    for stage in Stage:
        wall = median(it.stages[stage].wall for it in profiles)
        own = median(it.stages[stage].own for it in profiles)
        rows.append([f"{stage}: {MEANING[stage]}", *figures(wall, own), f"{wall / total:.0%}"])
    rows.append(["all", *figures(total, median(it.own for it in profiles)), ""])
    return report.table(["stage", "wall", "thread", "share"], rows)


def figures(*microseconds: float) -> list[str]:
    """Return microseconds as a table shows them."""
    return [f"{it:.3f}" for it in microseconds]


def run(arguments: argparse.Namespace) -> str:
    """Measure, and return the report's section."""
    machine = report.machine()
    model = artifact()
    rows = make_rows(model)
    profiles = []
    with EmbeddedBroker(cache=cache_folder("kafka"), full_speed=True) as broker:
        settings = KafkaSettings(broker.address)
        topics = Topics("full.")
        create_topics(settings.client(), topics.all(), partitions=PARTITIONS, retention=None)
        throughput.fill(settings, topics.transactions, rows, arguments.records)
        with progress_bar("Profiling", arguments.rounds, unit="rounds") as advance:
            for number in range(arguments.rounds):
                profiles.append(
                    profile(settings, topics, model, arguments.records, f"round-{number}")
                )
                advance(1)
    process = median(it.process for it in profiles)
    return (
        f"`python -m benchmarks.stages`, on {machine}, with Apache Kafka {broker.version} beside "
        f"it: a topic of {arguments.records:,} transactions, exactly-once. Microseconds for each "
        f"transaction by the wall's clock and by that of the loop's thread; medians of "
        f"{arguments.rounds} rounds. All threads of the process together took {process:.2f}.\n\n"
        f"{table(profiles)}"
    )


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.stages", description=(__doc__ or "").partition("\n\n")[2]
    )
    parser.add_argument("--rounds", type=int, choices=range(1, 100), default=5, metavar="COUNT")
    parser.add_argument("--records", type=int, default=500_000, help="in the full topic")
    parser.add_argument("--report", type=Path, metavar="FILE", help="page to write the table to")
    return parser


def main() -> None:
    """Measure, print, write."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that nothing is left behind
    arguments = parser().parse_args()
    log_to_stderr()
    try:
        text = run(arguments)
        print(text)
        if arguments.report:
            report.write_section(arguments.report, "stages", text)
    except (BenchmarkError, BrokerError, ConsumerError) as error:
        sys.exit(f"Error: {error}")
    except KeyboardInterrupt:
        sys.exit("Stopped; nothing was written.")


if __name__ == "__main__":
    main()
