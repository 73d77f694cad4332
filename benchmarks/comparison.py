"""What the runs of all ways say: a table, and the figures that goals are set for."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from benchmarks import report
from benchmarks.running import Run

OURS = "fraudstream, exactly-once"
OURS_AT_LEAST_ONCE = "fraudstream, at-least-once"
BARE, DECODE, SCORE = "the client alone", "consume and decode", "scoring alone"

Runs = Mapping[str, Sequence[Run]]
"""The runs of each way, by its name, one for each round; a way that failed is not there."""


def times(runs: Runs, name: str, other: str) -> float:
    """Return how many times as fast one way is as another: the median of the rounds' ratios."""
    return median(a.rate / b.rate for a, b in zip(runs[name], runs[other], strict=True))


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


def summary(
    runs: Runs, frameworks: Sequence[str], *, batch_loop: str, tutorial_loop: str
) -> dict[str, Any]:
    """Return the figures that goals are set for, those that these runs tell.

    Args:
        runs: with `OURS` among them.
        frameworks: names of those of them that are frameworks.
        batch_loop: name of the plain loop over batches.
        tutorial_loop: name of the tutorials' loop.
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
        "over_batch_loop": batch_loop,
        "over_tutorial_loop": tutorial_loop,
        "share_of_consume_and_decode": DECODE,
        "share_of_bare_client": BARE,
    }
    figures |= {key: round(times(runs, OURS, it), 3) for key, it in ratios.items() if it in runs}
    if OURS_AT_LEAST_ONCE in runs:
        figures["exactly_once_cost"] = round(1 - times(runs, OURS, OURS_AT_LEAST_ONCE), 3)
    figures["resident_megabytes"] = round(max(run.megabytes for run in ours))
    figures["seconds_to_first_score"] = round(median(firsts), 2)
    return figures


def _ratio(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:.2f}"  # noqa: PLR2004 - four digits
