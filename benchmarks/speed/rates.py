"""Latency at fixed rates: each way is started once and given more and more, until it falls behind.

From handing a transaction to its producer until a `read_committed` subscriber has its alert. A way
falls behind when its alerts come later and later (`benchmarks.speed.latency.GROWTH_MAXIMUM`)
twice in a row, or are not there so many seconds after the last transaction.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from benchmarks.harness import report
from benchmarks.harness.bench import Bench
from benchmarks.harness.detector import start_detector
from benchmarks.harness.errors import AlertsMissingError, BenchmarkError
from benchmarks.harness.runs import FIRST_ALERT_SECONDS, PORT, start_peer
from benchmarks.harness.subscriber import Subscriber
from benchmarks.peers.lineup import Peer
from benchmarks.speed import latency
from benchmarks.speed.comparison import DETECTORS, OURS, OURS_AT_LEAST_ONCE
from events.codec import Encoding
from events.topics import Topics
from fraudstream.progress import progress_bar

RATES = (100.0, 1_000.0, 10_000.0, 50_000.0)
WARM_UP_SECONDS = 2.0
PATIENCE_SECONDS = 10.0

# How many alerts there are: at 100 a second 10 of them, and p99 is the last but one of 100.
SECONDS = 10.0

# Before any of it, as the first way there is: Kafka's JVM compiles what it does often, for which
# whoever comes first would wait.
KAFKA_WARM_UP_RATES, KAFKA_WARM_UP_SECONDS = (1_000.0,), 10.0

# What has just started, or wrote its answers seldom, may seem to fall behind once.
ATTEMPTS = 2

FALLS_BEHIND = "falls behind"


class Running(Protocol):
    """A way that was started."""

    def check(self) -> None:
        """Raise an error if it has ended."""


Start = Callable[[Topics], AbstractContextManager[Running]]
"""Starts a way that reads these topics' transactions and writes their alerts."""


@dataclass(slots=True)
class Climb:
    """How a way bore rising rates.

    Attributes:
        rounds: by rate, those that it kept up with.
        behind: the rate at which it fell behind; higher ones were not tried.
        reason: why that is said, for whoever looks on.
    """

    rounds: dict[float, latency.Round] = field(default_factory=dict)
    behind: float | None = None
    reason: str = ""


def ways(bench: Bench) -> dict[str, Start]:
    """Return how ours is started, by name."""
    return {
        name: partial(_start_detector, bench, DETECTORS[name].delivery)
        for name in (OURS, OURS_AT_LEAST_ONCE)
    }


def peer_ways(bench: Bench, peers: Sequence[Peer]) -> dict[str, Start]:
    """Return how peers are started, by name."""
    return {peer.title: partial(_start_peer, bench, peer) for peer in peers}


def _start_detector(bench: Bench, delivery: str, topics: Topics) -> AbstractContextManager[Running]:
    name = topics.prefix.rstrip(".")
    return start_detector(
        bench.settings,
        bench.artifact,
        prefix=topics.prefix,
        group=name,
        delivery=delivery,
        folder=bench.folder / name,
        port=PORT,
    )


def _start_peer(bench: Bench, peer: Peer, topics: Topics) -> AbstractContextManager[Running]:
    job = bench.job(topics.prefix.rstrip("."), topics.transactions, topics.alerts)
    return start_peer(job, program=peer.program, python=peer.python)


def measure(
    bench: Bench, ways: Mapping[str, Start], rates: Sequence[float], seconds: float
) -> tuple[dict[str, Climb], dict[str, str]]:
    """Return how each way bore the rates, and why those that failed did.

    Raises:
        BenchmarkError: if ours fails.
        PartFailedError: likewise.
    """
    climbs: dict[str, Climb] = {}
    failures: dict[str, str] = {}
    with progress_bar("Measuring latency", len(ways), unit="ways") as advance:
        warm_up = bench.topics("warm-up.")
        climb(bench, warm_up, ways[OURS], KAFKA_WARM_UP_RATES, KAFKA_WARM_UP_SECONDS)
        for number, (name, start) in enumerate(ways.items()):
            topics = bench.topics(f"rates-{number}.")
            try:
                climbs[name] = climb(bench, topics, start, rates, seconds)
            except BenchmarkError as error:
                if name in DETECTORS:
                    raise
                failures[name] = f"failed: {error}"
            else:
                told = [name, *cells(climbs[name], rates), climbs[name].reason]
                print(" | ".join(filter(None, told)), file=sys.stderr)
            advance(1)
    return climbs, failures


def climb(
    bench: Bench, topics: Topics, start: Start, rates: Sequence[float], seconds: float
) -> Climb:
    """Start a way, and give it one rate after the other."""
    rounds: dict[float, latency.Round] = {}
    with Subscriber(bench.settings, [topics.alerts]) as subscriber, start(topics) as running:
        hold = partial(
            latency.measure,
            bench.settings,
            topics.transactions,
            bench.rows[Encoding.JSON],
            subscriber,
            check=running.check,
        )
        # A lone transaction: when its alert is there, the way has started.
        hold(name="start", rate=1, seconds=1, warm_up=0, seed=0, patience=FIRST_ALERT_SECONDS)
        for rate in rates:
            for attempt in range(ATTEMPTS):
                try:
                    done = hold(
                        name=f"{rate:g}-{attempt}",
                        rate=rate,
                        seconds=seconds,
                        warm_up=WARM_UP_SECONDS,
                        seed=attempt,
                        patience=PATIENCE_SECONDS,
                    )
                except AlertsMissingError as error:
                    running.check()
                    return Climb(rounds, rate, f"{error}")
                if done.keeps_up:
                    rounds[rate] = done
                    break
            else:
                reason = f"Later by {done.growth:.2f} s with each second."
                return Climb(rounds, rate, reason)
    return Climb(rounds)


def cells(found: Climb, rates: Sequence[float]) -> list[str]:
    """Return what the table says of each rate: p50 / p99, in milliseconds."""
    told = []
    for rate in rates:
        if rate in found.rounds:
            done = found.rounds[rate]
            p50, _, p99 = done.percentiles()
            held = "" if done.holds(rate) else f" (at {done.rate:,.0f})"
            told.append(f"{_milliseconds(p50)} / {_milliseconds(p99)}{held}")
        else:
            told.append(FALLS_BEHIND if rate == found.behind else "")
    return told


def table(climbs: Mapping[str, Climb], delivery: Mapping[str, str], rates: Sequence[float]) -> str:
    """Return the latencies as a Markdown table."""
    heads = ["p50 / p99, ms", "delivery", *(f"{rate:,.0f} a second" for rate in rates)]
    rows = [[name, delivery[name], *cells(it, rates)] for name, it in climbs.items()]
    return report.table(heads, rows)


def summary(climbs: Mapping[str, Climb]) -> dict[str, Any]:
    """Return ours as figures: p50 and p99 by rate, in milliseconds."""
    rounds = climbs[OURS].rounds.items()
    figures = {f"{rate:.0f}": done.percentiles() for rate, done in rounds}
    return {
        "latency_p50_ms": {rate: round(it[0], 1) for rate, it in figures.items()},
        "latency_p99_ms": {rate: round(it[-1], 1) for rate, it in figures.items()},
    }


def _milliseconds(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:.1f}"  # noqa: PLR2004 - three digits
