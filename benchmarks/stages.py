"""Where the detector's time goes: `python -m benchmarks.stages [--report FILE]`.

A detector, exactly-once, drains a full topic of the embedded Kafka, with the demo's model and rows
of the twin; its loop is timed stage by stage, in microseconds for each transaction. Two clocks: the
wall's, which counts waiting too (for Kafka, and for a core that others use), and that of the loop's
thread. The encodings take turns; each figure is the median of the rounds. It takes about two
minutes.
"""

import argparse
import multiprocessing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import chain, product
from pathlib import Path
from statistics import median

from benchmarks import report, throughput
from benchmarks.detecting import PARTITIONS, artifact
from benchmarks.ending import in_a_sentence
from benchmarks.stopwatch import Profile, Stage, Took
from benchmarks.stream import make_rows
from benchmarks.watching import watch_detector
from broker.server import EmbeddedBroker
from broker.topics import create_topics
from events.codec import Encoding
from events.settings import KafkaSettings
from events.topics import Topics
from fraudstream.cache import cache_folder
from fraudstream.logs import log_to_stderr
from fraudstream.progress import progress_bar

MEANING = {
    Stage.FETCH: "`consume`, a Python object for each record",
    Stage.DECODE: "validated",
    Stage.NUMBERS: "out of Python's objects, where there are any",
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


def table(profiles: Mapping[str, Sequence[Profile]]) -> str:
    """Return the medians of each encoding's rounds as a Markdown table, microseconds each."""
    rows = []
    for stage in Stage:
        took = ([it.stages[stage] for it in rounds] for rounds in profiles.values())
        rows.append([f"{stage}: {MEANING[stage]}", *_medians(took)])
    took = ([Took(it.wall, it.own) for it in rounds] for rounds in profiles.values())
    rows.append(["all", *_medians(took)])
    threads = [["", f"{median(it.process for it in rounds):.3f}"] for rounds in profiles.values()]
    rows.append(["all threads", *chain.from_iterable(threads)])
    clocks = [[f"{encoding}, wall", "thread"] for encoding in profiles]
    return report.table(["stage", *chain.from_iterable(clocks)], rows)


def _medians(took: Iterable[Sequence[Took]]) -> Iterator[str]:
    for rounds in took:
        yield f"{median(it.wall for it in rounds):.3f}"
        yield f"{median(it.own for it in rounds):.3f}"


def sentence(profiles: Mapping[str, Sequence[Profile]]) -> str:
    """Return how many transactions a second that is, and how the encodings compare."""
    rates = {name: [1e6 / it.wall for it in rounds] for name, rounds in profiles.items()}
    told = ", ".join(f"{median(rate):,.0f} a second in {name}" for name, rate in rates.items())
    pairs = zip(rates[Encoding.COMPACT], rates[Encoding.JSON], strict=True)
    times = median(compact / json for compact, json in pairs)
    return f"That is {told}: {times:.2f} times as many (the median of the rounds' ratios)."


def run(arguments: argparse.Namespace) -> str:
    """Measure, and return the report's section."""
    machine = report.machine()
    model = artifact()
    profiles: dict[str, list[Profile]] = {encoding.value: [] for encoding in Encoding}
    with EmbeddedBroker(cache=cache_folder("kafka"), full_speed=True) as broker:
        settings = KafkaSettings(broker.address)
        topics = {encoding: Topics(f"{encoding}.") for encoding in Encoding}
        for encoding, its in topics.items():
            create_topics(settings.client(), its.all(), partitions=PARTITIONS, retention=None)
            rows = make_rows(model, encoding)
            throughput.fill(settings, its.transactions, rows, arguments.records)
        turns = list(product(range(arguments.rounds), topics.items()))
        with progress_bar("Profiling", len(turns), unit="rounds") as advance:
            for number, (encoding, its) in turns:
                profiles[encoding].append(
                    profile(settings, its, model, arguments.records, f"{its.prefix}{number}")
                )
                advance(1)
    return (
        f"`python -m benchmarks.stages`, on {machine}, with Apache Kafka {broker.version} beside "
        f"it: a topic of {arguments.records:,} transactions, exactly-once. Microseconds for each "
        f"transaction by the wall's clock and by that of the loop's thread; medians of "
        f"{arguments.rounds} rounds.\n\n{table(profiles)}\n\n{sentence(profiles)}"
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
    arguments = parser().parse_args()
    log_to_stderr()
    with in_a_sentence():
        text = run(arguments)
        print(text)
        if arguments.report:
            report.write_section(arguments.report, "stages", text)


if __name__ == "__main__":
    main()
