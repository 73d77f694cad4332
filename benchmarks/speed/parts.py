"""The parts of the comparison: throughput, latency, delivery, growth."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.harness.bench import Bench
from benchmarks.harness.detector import PARTITIONS
from benchmarks.harness.rounds import DISCARDED_ROUNDS, measure
from benchmarks.peers.lineup import Peer
from benchmarks.speed import delivery, growth, plots, rates, throughput
from benchmarks.speed.contenders import (
    BARE,
    DETECTORS,
    LIMITS,
    OURS,
    OURS_AT_LEAST_ONCE,
    OURS_COMPACT,
    detectors,
    guarantees,
    peers_and_limits,
)

QUICK_RATES, QUICK_SECONDS = rates.RATES[1:3], 3.0


@dataclass(slots=True)
class Section:
    """The result of a part.

    Attributes:
        text: of the page's section.
        pictures: that follow the text.
        summary: figures for the last line.
    """

    text: str
    pictures: list[plots.Picture] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)


def measure_throughput(
    bench: Bench, peers: Sequence[Peer], arguments: argparse.Namespace
) -> Section:
    """Drain a full topic with every contender; in the short form, without the compact encoding."""
    records, rounds = arguments.records, arguments.rounds
    ours = (OURS, OURS_AT_LEAST_ONCE, *(() if arguments.quick else (OURS_COMPACT,)))
    limits = (BARE,) if arguments.quick else tuple(LIMITS)
    contenders = detectors(bench, "throughput", ours, records)
    contenders |= peers_and_limits(bench, peers, limits, records)
    runs, failures = measure(contenders, rounds, required=ours, title="Measuring throughput")
    fewer = ", ".join(f"{peer.name} {peer.records:,}" for peer in peers if peer.records < records)
    text = [
        f"A topic of {records:,} records in {PARTITIONS} partitions"
        + (f" ({fewer})" if fewer else "")
        + f"; {medians(rounds)}, peak memory of all rounds.",
        throughput.table(runs, guarantees(peers)),
        "Microseconds for a transaction by stage (`fraud_stage_duration_seconds`):",
        throughput.stages_table(runs, ours),
        *sentences(failures),
    ]
    return Section(
        "\n\n".join(text),
        [plots.throughput(runs, ours=ours, limits=limits)],
        throughput.summary(runs, [peer.title for peer in peers if peer.is_framework]),
    )


def measure_latency(bench: Bench, peers: Sequence[Peer], arguments: argparse.Namespace) -> Section:
    """Measure every contender at fixed rates; in the short form, ours alone."""
    tried, seconds = rates_and_seconds(arguments)
    peers = () if arguments.quick else peers
    ours = rates.detectors(bench, (OURS, OURS_AT_LEAST_ONCE))
    contenders = ours | rates.peers(bench, peers)
    results, failures = rates.measure(bench, "latency", contenders, tried, seconds)
    text = [
        latency_conditions(seconds),
        rates.table(results, guarantees(peers), tried),
        *sentences(failures),
    ]
    picture = plots.latency(results, tried, ours=len(ours))
    return Section("\n\n".join(text), [picture], rates.summary(results))


def measure_delivery(
    bench: Bench, _peers: Sequence[Peer], arguments: argparse.Namespace
) -> Section:
    """Measure exactly-once, with and without the journal, against at-least-once."""
    tried, seconds = rates_and_seconds(arguments)
    records, rounds = arguments.records, arguments.rounds
    launches = rates.detectors(bench, delivery.DELIVERIES)
    results, _ = rates.measure(bench, "delivery", launches, tried, seconds)
    contenders = detectors(bench, "delivery", delivery.DELIVERIES, records)
    runs, _ = measure(contenders, rounds, required=DETECTORS, title="Measuring delivery")
    text = [
        latency_conditions(seconds),
        rates.table(results, guarantees(()), tried),
        f"A topic of {records:,} records in {PARTITIONS} partitions; {medians(rounds)}.",
        delivery.table(runs),
    ]
    return Section("\n\n".join(text), summary=delivery.summary(runs))


def measure_growth(bench: Bench, _peers: Sequence[Peer], arguments: argparse.Namespace) -> Section:
    """Measure the detector as the work grows; in the short form, two batch sizes."""
    if arguments.quick:
        tried, long = growth.quick_series(growth.QUICK_RECORDS), {}
    else:
        tried, long = growth.series(growth.RECORDS), growth.topics()
    runs = growth.measure_series(bench, tried, arguments.rounds)
    runs |= growth.measure_series(bench, long, growth.LONG_ROUNDS)
    text = [
        f"Exactly-once; {PARTITIONS} partitions, 1 replica and batches of at most "
        f"{growth.BATCH_MAXIMUM:,} unless stated otherwise; {medians(arguments.rounds)}, "
        f"peak memory of all rounds"
        + (f"; {growth.LONG_ROUNDS} rounds of topics in compact." if long else "."),
        growth.table(tried | long, runs),
    ]
    return Section("\n\n".join(text), [plots.batches(tried, runs)])


Measure = Callable[[Bench, Sequence[Peer], argparse.Namespace], Section]

PARTS: dict[str, Measure] = {
    "throughput": measure_throughput,
    "latency": measure_latency,
    "delivery": measure_delivery,
    "growth": measure_growth,
}


def rates_and_seconds(arguments: argparse.Namespace) -> tuple[Sequence[float], float]:
    """Return the rates to try and the seconds at each, fewer in the short form."""
    return (QUICK_RATES, QUICK_SECONDS) if arguments.quick else (rates.RATES, rates.SECONDS)


def latency_conditions(seconds: float) -> str:
    """Return the sentence above a table of latencies."""
    return f"Each rate for {seconds:g} s, after {rates.WARM_UP_SECONDS:g} s that do not count."


def medians(rounds: int) -> str:
    """Return how the figures were obtained from the rounds."""
    counted = f"medians of {rounds} rounds" if rounds > 1 else "one round"
    return f"{counted} after {DISCARDED_ROUNDS} that does not count"


def sentences(reasons: Mapping[str, str]) -> list[str]:
    """Return a sentence for each contender that is missing."""
    return [f"{name} {reason.removesuffix('.')}." for name, reason in reasons.items()]
