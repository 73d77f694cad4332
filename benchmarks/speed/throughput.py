"""All contenders drain a full topic: a table, and the figures that goals are set for."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from benchmarks.harness.drain import Run
from benchmarks.harness.rounds import Runs, speedup
from benchmarks.peers.lineup import BATCH_LOOP, TUTORIAL_LOOP
from benchmarks.speed.contenders import BARE, DECODE, OURS, OURS_AT_LEAST_ONCE, OURS_COMPACT
from model.artifact import markdown

HEADERS = (
    "",
    "delivery",
    "a second",
    "of the rounds",
    "ours / it",
    "CPU s / million",
    "peak MB",
    "first alert, s",
)


def table(runs: Runs, delivery: Mapping[str, str]) -> str:
    """Return the runs as a Markdown table, medians of the rounds.

    Args:
        runs: with `OURS` among them.
        delivery: the guarantee of each contender; limits have none.
    """
    rows = []
    for name, rounds in runs.items():
        firsts = [run.first_seconds for run in rounds if run.first_seconds is not None]
        rates = [run.rate for run in rounds]
        rows.append(
            [
                name,
                delivery.get(name, ""),
                f"{median(rates):,.0f}",
                f"{min(rates):,.0f} to {max(rates):,.0f}",
                _ratio(speedup(runs, OURS, name)),
                f"{median(run.cpu_seconds for run in rounds):,.1f}",
                f"{max(run.megabytes for run in rounds):,.0f}",
                f"{median(firsts):.1f}" if firsts else "",
            ]
        )
    return markdown.table(HEADERS, rows, align="lr", padded=True)


def stages_table(runs: Runs, names: Sequence[str]) -> str:
    """Return the stages of these detectors as a Markdown table, medians of the rounds."""
    stages = dict.fromkeys(stage for name in names for run in runs[name] for stage in run.stages)
    rows = [[stage, *(_stage(runs[name], stage) for name in names)] for stage in stages]
    return markdown.table(["stage", *names], rows, align="lr", padded=True)


def _stage(runs: Sequence[Run], stage: str) -> str:
    durations = [run.stages[stage] for run in runs if stage in run.stages]
    return f"{median(durations):.3f}" if durations else ""


def summary(runs: Runs, frameworks: Sequence[str]) -> dict[str, Any]:
    """Return the figures that goals are set for, as far as these runs have them.

    Args:
        runs: with `OURS` among them.
        frameworks: names of the contenders that are frameworks.
    """
    ours = runs[OURS]
    firsts = [run.first_seconds for run in ours if run.first_seconds is not None]
    figures: dict[str, Any] = {"ours_per_second": round(median(run.rate for run in ours))}
    rates = {name: median(run.rate for run in runs[name]) for name in frameworks if name in runs}
    if rates:
        fastest = max(rates, key=rates.__getitem__)
        figures["over_fastest_framework"] = round(speedup(runs, OURS, fastest), 2)
        figures["fastest_framework"] = fastest
    ratios = {
        "over_batch_loop": BATCH_LOOP.title,
        "over_tutorial_loop": TUTORIAL_LOOP.title,
        "share_of_consume_and_decode": DECODE,
        "share_of_bare_client": BARE,
    }
    figures |= {
        key: round(speedup(runs, OURS, name), 3) for key, name in ratios.items() if name in runs
    }
    if OURS_AT_LEAST_ONCE in runs:
        figures["exactly_once_cost"] = round(1 - speedup(runs, OURS, OURS_AT_LEAST_ONCE), 3)
    if OURS_COMPACT in runs:
        figures["compact_over_json"] = round(speedup(runs, OURS_COMPACT, OURS), 3)
    cpu_seconds = median(run.cpu_seconds for run in ours)
    figures["cpu_seconds_per_million"] = round(cpu_seconds, 2)
    figures["resident_megabytes"] = round(max(run.megabytes for run in ours))
    figures["seconds_to_first_score"] = round(median(firsts), 2)
    return figures


def _ratio(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:.2f}"  # noqa: PLR2004 - four digits
