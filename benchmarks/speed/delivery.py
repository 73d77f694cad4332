"""What exactly-once costs: `python -m benchmarks.speed.delivery [--report FILE]`.

Three detectors, exactly-once with and without a journal and at-least-once, on one embedded Kafka,
with the demo's model and rows of the twin. Latency runs from handing a transaction to its producer
until a `read_committed` subscriber has its alert, at rates that are held; throughput is how fast a
full topic is drained. The ways take turns, and each figure is the median of the rounds. It takes
about fourteen minutes; the machine should have nothing else to do.
"""

import argparse
import math
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.harness import report
from benchmarks.harness.bench import Bench
from benchmarks.harness.detector import artifact, start_detector
from benchmarks.harness.ending import in_a_sentence
from benchmarks.harness.rounds import turns
from benchmarks.harness.stream import make_rows
from benchmarks.harness.subscriber import Subscriber
from benchmarks.speed import latency, throughput
from broker.server import EmbeddedBroker
from events.codec import Encoding
from fraudstream.cache import cache_folder
from fraudstream.logs import log_to_stderr
from fraudstream.progress import progress_bar
from kafkaio.settings import KafkaSettings

EXACTLY_ONCE, AT_LEAST_ONCE = "exactly-once", "at-least-once"

# What is compared, by name: further options of the detector, before which comes its `--delivery`.
WAYS = {
    EXACTLY_ONCE: (EXACTLY_ONCE, ()),
    f"{EXACTLY_ONCE}-journal": (EXACTLY_ONCE, ("--journal",)),
    AT_LEAST_ONCE: (AT_LEAST_ONCE, ()),
}

# Before anything is measured, so that Kafka's JVM and the detectors are as in the middle of a day.
WARM_UP_RATE = 1_000.0
KAFKA_WARM_UP_SECONDS = 20.0
RATES = (100.0, 1_000.0, 10_000.0, 30_000.0)
WARM_UP_SECONDS = 2.0
PORT = 8100
DRAINING_PORT = 8300


def measure_latency(
    bench: Bench, rates: Sequence[float], *, rounds: int, seconds: float
) -> dict[float, latency.Rounds]:
    """Return the rounds of each rate."""
    topics = {way: bench.topics(f"{way}.") for way in WAYS}
    measured: dict[float, latency.Rounds] = {rate: {way: [] for way in WAYS} for rate in rates}
    with ExitStack() as stack:
        detectors = [
            stack.enter_context(
                start_detector(
                    bench.settings,
                    bench.artifact,
                    prefix=topics[way].prefix,
                    group=way,
                    delivery=delivery,
                    folder=bench.folder / way,
                    port=PORT + 100 * number,
                    options=options,
                )
            )
            for number, (way, (delivery, options)) in enumerate(WAYS.items())
        ]
        for detector in detectors:
            detector.wait_until_ready()
        alerts = [topics[way].alerts for way in WAYS]
        subscriber = stack.enter_context(Subscriber(bench.settings, alerts))
        total = len(rates) * rounds * len(WAYS)
        advance = stack.enter_context(progress_bar("Measuring latency", total, unit="rounds"))
        for way in WAYS:
            latency.measure(
                bench.settings,
                topics[way].transactions,
                bench.rows[Encoding.JSON],
                subscriber,
                name="warm-up",
                rate=WARM_UP_RATE,
                seconds=KAFKA_WARM_UP_SECONDS,
                warm_up=0.0,
                seed=rounds,
            )
        for rate in rates:
            for number in range(rounds):
                for way in turns(tuple(WAYS), number):
                    measured[rate][way].append(
                        latency.measure(
                            bench.settings,
                            topics[way].transactions,
                            bench.rows[Encoding.JSON],
                            subscriber,
                            name=f"{rate:g}-{number}",
                            rate=rate,
                            seconds=seconds,
                            warm_up=WARM_UP_SECONDS,
                            seed=number,
                        )
                    )
                    advance(1)
    return measured


def measure_throughput(bench: Bench, *, rounds: int, records: int) -> dict[str, list[float]]:
    """Return the records a second of each round, by way."""
    topics = bench.topics("full.")
    measured: dict[str, list[float]] = {way: [] for way in WAYS}
    keys = throughput.fill(bench.settings, topics.transactions, bench.rows[Encoding.JSON], records)
    with (
        Subscriber(bench.settings, [topics.alerts]) as subscriber,
        progress_bar("Measuring throughput", rounds * len(WAYS), unit="rounds") as advance,
    ):
        for number in range(rounds):
            for way in turns(tuple(WAYS), number):
                delivery, options = WAYS[way]
                measured[way].append(
                    throughput.drain(
                        bench.settings,
                        topics,
                        bench.artifact,
                        subscriber,
                        keys,
                        delivery=delivery,
                        name=f"full-{way}-{number}",
                        folder=bench.folder,
                        port=DRAINING_PORT,
                        options=options,
                    )
                )
                advance(1)
    return measured


def throughput_table(measured: dict[str, list[float]]) -> str:
    """Return the throughputs as a Markdown table, and what exactly-once costs as a sentence."""
    rows = [
        [way, f"{median(rates):,.0f}", f"{min(rates):,.0f} to {max(rates):,.0f}"]
        for way, rates in measured.items()
    ]
    pairs = zip(measured[EXACTLY_ONCE], measured[AT_LEAST_ONCE], strict=True)
    cost = 1 - median(exactly / at_least for exactly, at_least in pairs)
    return (
        report.table(["delivery", "records a second", "of the rounds"], rows)
        + f"\n\nExactly-once costs {cost:.1%} of the throughput (the median of the rounds' ratios)."
    )


def run(arguments: argparse.Namespace) -> str:
    """Measure all of it and return the report's section."""
    machine = report.machine()
    model = artifact()
    rows = {Encoding.JSON: make_rows(model)}
    with (
        TemporaryDirectory(prefix="fraudstream-benchmark-") as folder,
        EmbeddedBroker(cache=cache_folder("kafka"), full_speed=True) as broker,
    ):
        bench = Bench(KafkaSettings(broker.address), model, rows, Path(folder))
        beside = f"Apache Kafka {broker.version}, the load and the subscriber"
        parts = [f"`python -m benchmarks.speed.delivery`, on {machine}, with {beside} beside it."]
        if arguments.rates:
            latencies = measure_latency(
                bench, arguments.rates, rounds=arguments.rounds, seconds=arguments.seconds
            )
            parts.append(
                "From handing a transaction to its producer until a `read_committed` subscriber "
                f"has its alert; medians of {arguments.rounds} rounds of {arguments.seconds:g} s, "
                f"the ways in turns, after {KAFKA_WARM_UP_SECONDS:g} s for each to warm up. "
                "At low rates more are flagged than in life, so that there are alerts to measure."
            )
            parts.append(latency.table(latencies))
            print(parts[-1], flush=True)
        if arguments.records:
            throughputs = measure_throughput(
                bench, rounds=arguments.drains, records=arguments.records
            )
            parts.append(
                f"Draining a topic of {arguments.records:,} transactions, one in "
                f"{throughput.SPACING} of them flagged, from the first commit to the last; "
                f"medians of {arguments.drains} rounds."
            )
            parts.append(throughput_table(throughputs))
            print(f"\n{parts[-1]}", flush=True)
    return "\n\n".join(parts)


def positive(text: str) -> float:
    """Return the number in a text.

    Raises:
        ValueError: if it is none, or not positive and finite.
    """
    number = float(text)
    if not 0 < number < math.inf:
        raise ValueError
    return number


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.speed.delivery", description=(__doc__ or "").partition("\n\n")[2]
    )
    parser.add_argument(
        "--rates",
        type=positive,
        nargs="*",
        default=RATES,
        metavar="PER_SECOND",
        help="to hold; none for no latency",
    )
    parser.add_argument("--rounds", type=int, choices=range(1, 100), default=3, metavar="COUNT")
    # The ways differ by a few percent, and so do two rounds of one way.
    parser.add_argument("--drains", type=int, choices=range(1, 100), default=7, metavar="COUNT")
    parser.add_argument("--seconds", type=positive, default=10.0, help="of each round, measured")
    parser.add_argument(
        "--records", type=int, default=1_000_000, help="in the full topic; 0 for no throughput"
    )
    parser.add_argument("--report", type=Path, metavar="FILE", help="page to write the tables to")
    return parser


def main() -> None:
    """Measure, print, write."""
    arguments = parser().parse_args()
    log_to_stderr()
    with in_a_sentence():
        text = run(arguments)
        if arguments.report:
            report.write_section(arguments.report, "price", text)


if __name__ == "__main__":
    main()
