"""All ways drain a full topic: a table, and the figures that goals are set for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any

from benchmarks.harness import report
from benchmarks.harness.bench import Bench
from benchmarks.harness.rounds import Runs, Way, times
from benchmarks.harness.runs import Run, run_detector, run_limit, run_peer
from benchmarks.peers.lineup import BATCH_LOOP, TUTORIAL_LOOP, Peer
from events.codec import Encoding

OURS = "fraudstream, exactly-once"
OURS_AT_LEAST_ONCE = "fraudstream, at-least-once"
OURS_COMPACT = "fraudstream, compact encoding"
BARE, DECODE, SCORE = "the client alone", "consume and decode", "scoring alone"

LIMITS = {BARE: "bare", DECODE: "decode", SCORE: "score"}


@dataclass(frozen=True, slots=True)
class Detector:
    """A way of ours.

    Attributes:
        delivery: what it promises.
        encoding: of the transactions.
    """

    delivery: str
    encoding: Encoding = Encoding.JSON


DETECTORS = {
    OURS: Detector("exactly-once"),
    OURS_AT_LEAST_ONCE: Detector("at-least-once"),
    OURS_COMPACT: Detector("exactly-once", Encoding.COMPACT),
}


def ways(bench: Bench, peers: Sequence[Peer], records: int) -> Mapping[str, Way]:
    """Return all ways to drain a topic of so many records, slow ones a shorter one.

    The topics are filled here, so that this counts for nobody.
    """
    for encoding in Encoding:
        bench.backlog(records, encoding=encoding)
    return (
        {name: partial(_detector, bench, it, records) for name, it in DETECTORS.items()}
        | {peer.title: partial(_peer, bench, peer, records) for peer in peers}
        | {name: partial(_limit, bench, limit, records) for name, limit in LIMITS.items()}
    )


def _detector(bench: Bench, detector: Detector, records: int, number: int) -> Run:
    return run_detector(
        bench.settings,
        bench.backlog(records, encoding=detector.encoding),
        bench.artifact,
        delivery=detector.delivery,
        folder=bench.folder / f"{detector.encoding}-{detector.delivery}-{number}",
    )


def _peer(bench: Bench, peer: Peer, records: int, number: int) -> Run:
    backlog = bench.backlog(min(records, peer.records))
    name = f"{peer.program}-{number}"
    job = bench.job(name, backlog.topics.transactions, bench.topics(f"{name}.").alerts)
    return run_peer(bench.settings, backlog, job, program=peer.program, python=peer.python)


def _limit(bench: Bench, limit: str, records: int, number: int) -> Run:
    topics = bench.backlog(records).topics
    job = bench.job(f"{limit}-{number}", topics.transactions, topics.alerts)
    return run_limit(limit, job, records)


def table(runs: Runs, delivery: Mapping[str, str]) -> str:
    """Return the runs as a Markdown table, medians of the rounds.

    Args:
        runs: with `OURS` among them.
        delivery: what each way promises; limits promise nothing and have none.
    """
    rows = []
    for name, done in runs.items():
        firsts = [run.first_seconds for run in done if run.first_seconds is not None]
        rates = [run.rate for run in done]
        rows.append(
            [
                name,
                delivery.get(name, ""),
                f"{median(rates):,.0f}",
                f"{min(rates):,.0f} to {max(rates):,.0f}",
                _ratio(times(runs, OURS, name)),
                f"{median(run.cpu_seconds for run in done):,.1f}",
                f"{max(run.megabytes for run in done):,.0f}",
                f"{median(firsts):.1f}" if firsts else "",
            ]
        )
    heads = ["", "delivery", "a second", "of the rounds", "ours / it"]
    return report.table([*heads, "CPU s / million", "peak MB", "first alert, s"], rows)


def summary(runs: Runs, frameworks: Sequence[str]) -> dict[str, Any]:
    """Return the figures that goals are set for, those that these runs tell.

    Args:
        runs: with `OURS` among them.
        frameworks: names of those of them that are frameworks.
    """
    ours = runs[OURS]
    firsts = [run.first_seconds for run in ours if run.first_seconds is not None]
    figures: dict[str, Any] = {"ours_per_second": round(median(run.rate for run in ours))}
    rates = {name: median(run.rate for run in runs[name]) for name in frameworks if name in runs}
    if rates:
        fastest = max(rates, key=rates.__getitem__)
        figures["over_fastest_framework"] = round(times(runs, OURS, fastest), 2)
        figures["fastest_framework"] = fastest
    ratios = {
        "over_batch_loop": BATCH_LOOP.title,
        "over_tutorial_loop": TUTORIAL_LOOP.title,
        "share_of_consume_and_decode": DECODE,
        "share_of_bare_client": BARE,
    }
    figures |= {key: round(times(runs, OURS, it), 3) for key, it in ratios.items() if it in runs}
    if OURS_AT_LEAST_ONCE in runs:
        figures["exactly_once_cost"] = round(1 - times(runs, OURS, OURS_AT_LEAST_ONCE), 3)
    if OURS_COMPACT in runs:
        figures["compact_over_json"] = round(times(runs, OURS_COMPACT, OURS), 3)
    figures["resident_megabytes"] = round(max(run.megabytes for run in ours))
    figures["seconds_to_first_score"] = round(median(firsts), 2)
    return figures


def _ratio(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:.2f}"  # noqa: PLR2004 - four digits
