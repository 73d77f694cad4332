"""The price of exactly-once, and of the journal, against at-least-once."""

from statistics import median
from typing import Any

from benchmarks.harness.rounds import Runs, speedup
from benchmarks.speed.contenders import OURS, OURS_AT_LEAST_ONCE, OURS_JOURNAL
from model.artifact import markdown

DELIVERIES = (OURS, OURS_JOURNAL, OURS_AT_LEAST_ONCE)


def table(runs: Runs) -> str:
    """Return the throughput as a Markdown table, medians of the rounds, and the cost in words."""
    rows = []
    for name, rounds in runs.items():
        rates = [run.rate for run in rounds]
        rows.append([name, f"{median(rates):,.0f}", f"{min(rates):,.0f} to {max(rates):,.0f}"])
    return (
        markdown.table(["", "a second", "of the rounds"], rows, align="lr", padded=True)
        + f"\n\nExactly-once costs {_cost(runs, OURS, OURS_AT_LEAST_ONCE):.1%} of the throughput, "
        f"the journal {_cost(runs, OURS_JOURNAL, OURS):.1%} more (medians of the rounds' ratios)."
    )


def summary(runs: Runs) -> dict[str, Any]:
    """Return the figures for the last line."""
    return {"journal_cost": round(_cost(runs, OURS_JOURNAL, OURS), 3)}


def _cost(runs: Runs, name: str, other: str) -> float:
    return 1 - speedup(runs, name, other)
