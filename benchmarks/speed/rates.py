"""Latency at fixed rates: each contender is started once and given rising rates.

Latency runs from handing a transaction to its producer until a `read_committed` subscriber has its
alert. A contender falls behind when its alerts arrive later and later
(`benchmarks.speed.latency.GROWTH_MAXIMUM`) twice in a row, or are not there `PATIENCE_SECONDS`
after the last transaction.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from benchmarks.harness.bench import Bench
from benchmarks.harness.drain import FIRST_ALERT_SECONDS
from benchmarks.harness.errors import AlertsMissingError, BenchmarkError
from benchmarks.harness.subscriber import Subscriber
from benchmarks.peers.lineup import Peer
from benchmarks.speed import latency
from benchmarks.speed.contenders import DETECTORS, OURS, launch_detector, launch_peer
from events.codec import Encoding
from events.topics import Topics
from fraudstream.progress import progress_bar
from model.artifact import markdown

RATES = (100.0, 1_000.0, 10_000.0, 50_000.0)
WARM_UP_SECONDS = 2.0
PATIENCE_SECONDS = 10.0

# Enough alerts for a p99: 10 a second at 100 transactions a second, so 100 in all.
SECONDS = 10.0

# Before anything is measured: Kafka's JVM compiles its hot code, for which the first contender
# would wait.
KAFKA_WARM_UP_RATES, KAFKA_WARM_UP_SECONDS = (1_000.0,), 10.0

# A contender that has just started, or commits seldom, may seem to fall behind once.
ATTEMPTS = 2

FALLS_BEHIND = "falls behind"


class Service(Protocol):
    """A contender that was started."""

    def check(self) -> None:
        """Raise an error if it has ended."""


Launch = Callable[[Topics], AbstractContextManager[Service]]
"""Starts a contender that reads these topics' transactions and writes their alerts."""


@dataclass(slots=True)
class LatencyByRate:
    """The latency of a contender at rising rates.

    Attributes:
        rates: results at the rates that it kept up with.
        behind: the rate at which it fell behind; higher rates were not tried.
        reason: evidence that it fell behind, for the terminal.
    """

    rates: dict[float, latency.LatencyAtRate] = field(default_factory=dict)
    behind: float | None = None
    reason: str = ""


def detectors(bench: Bench, names: Sequence[str]) -> dict[str, Launch]:
    """Return how to start each of these `DETECTORS`, by name."""
    return {name: partial(launch_detector, bench, name) for name in names}


def peers(bench: Bench, chosen: Sequence[Peer]) -> dict[str, Launch]:
    """Return how to start each peer, by title."""
    return {peer.title: partial(launch_peer, bench, peer) for peer in chosen}


def measure(
    bench: Bench,
    part: str,
    contenders: Mapping[str, Launch],
    rates: Sequence[float],
    seconds: float,
) -> tuple[dict[str, LatencyByRate], dict[str, str]]:
    """Return the latency of each contender, and the reason for each that failed.

    Args:
        bench: the shared environment.
        part: of the comparison; topics are named after it.
        contenders: by name, with `OURS` among them.
        rates: to try, transactions a second, rising.
        seconds: at each rate.

    Raises:
        BenchmarkError: if one of ours fails.
        ServiceFailedError: if a detector fails.
    """
    results: dict[str, LatencyByRate] = {}
    failures: dict[str, str] = {}
    with progress_bar("Measuring latency", len(contenders), unit="contenders") as advance:
        warm_up = bench.topics(f"{part}-warm-up.")
        step_up(bench, warm_up, contenders[OURS], KAFKA_WARM_UP_RATES, KAFKA_WARM_UP_SECONDS)
        for number, (name, launch) in enumerate(contenders.items()):
            topics = bench.topics(f"{part}-{number}.")
            try:
                result = step_up(bench, topics, launch, rates, seconds)
            except BenchmarkError as error:
                if name in DETECTORS:
                    raise
                failures[name] = f"failed: {error}"
            else:
                results[name] = result
                columns = [name, *cells(result, rates), result.reason]
                print(" | ".join(filter(None, columns)), file=sys.stderr)
            advance(1)
    return results, failures


def step_up(
    bench: Bench, topics: Topics, launch: Launch, rates: Sequence[float], seconds: float
) -> LatencyByRate:
    """Start a contender and step through the rates until it falls behind."""
    results: dict[float, latency.LatencyAtRate] = {}
    with Subscriber(bench.settings, [topics.alerts]) as subscriber, launch(topics) as service:
        measure_at = partial(
            latency.measure,
            bench.settings,
            topics.transactions,
            bench.transactions[Encoding.JSON],
            subscriber,
            check=service.check,
        )
        # A single transaction: when its alert arrives, the contender has started.
        measure_at(name="start", rate=1, seconds=1, warm_up=0, seed=0, patience=FIRST_ALERT_SECONDS)
        for rate in rates:
            for attempt in range(ATTEMPTS):
                try:
                    result = measure_at(
                        name=f"{rate:g}-{attempt}",
                        rate=rate,
                        seconds=seconds,
                        warm_up=WARM_UP_SECONDS,
                        seed=attempt,
                        patience=PATIENCE_SECONDS,
                    )
                except AlertsMissingError as error:
                    service.check()
                    return LatencyByRate(results, rate, f"{error}")
                if result.keeps_up:
                    results[rate] = result
                    break
            else:
                reason = f"Later by {result.growth:.2f} s with each second."
                return LatencyByRate(results, rate, reason)
    return LatencyByRate(results)


def cells(result: LatencyByRate, rates: Sequence[float]) -> list[str]:
    """Return the table's cell for each rate: p50 / p99, in milliseconds."""
    texts = []
    for rate in rates:
        if rate in result.rates:
            measured = result.rates[rate]
            p50, _, p99 = measured.percentiles()
            sent = "" if measured.holds(rate) else f" (at {measured.rate:,.0f})"
            texts.append(f"{_milliseconds(p50)} / {_milliseconds(p99)}{sent}")
        else:
            texts.append(FALLS_BEHIND if rate == result.behind else "")
    return texts


def table(
    results: Mapping[str, LatencyByRate], delivery: Mapping[str, str], rates: Sequence[float]
) -> str:
    """Return the latencies as a Markdown table."""
    headers = ["p50 / p99, ms", "delivery", *(f"{rate:,.0f} a second" for rate in rates)]
    rows = [[name, delivery[name], *cells(result, rates)] for name, result in results.items()]
    return markdown.table(headers, rows, align="lr", padded=True)


def summary(results: Mapping[str, LatencyByRate]) -> dict[str, Any]:
    """Return the figures of `OURS`: p50 and p99 by rate, in milliseconds."""
    percentiles = {
        f"{rate:.0f}": result.percentiles() for rate, result in results[OURS].rates.items()
    }
    return {
        "latency_p50_ms": {rate: round(each[0], 1) for rate, each in percentiles.items()},
        "latency_p99_ms": {rate: round(each[-1], 1) for rate, each in percentiles.items()},
    }


def _milliseconds(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:.1f}"  # noqa: PLR2004 - three digits
