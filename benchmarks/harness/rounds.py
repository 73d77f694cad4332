"""Ways that take turns, so that what else the machine does meets all of them alike."""

import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from statistics import median

from benchmarks.harness.errors import BenchmarkError
from benchmarks.harness.runs import Run
from fraudstream.progress import progress_bar

Way = Callable[[int], Run]
"""Runs a way to do the work, in the round of that number."""

Runs = Mapping[str, Sequence[Run]]
"""The runs of each way, by its name, one for each round; a way that failed is not there."""


def turns(names: Sequence[str], number: int) -> Sequence[str]:
    """Return the names in a round's order: who goes first changes from round to round."""
    first = number % len(names) if names else 0
    return (*names[first:], *names[:first])


def measure(
    ways: Mapping[str, Way], rounds: int, *, ours: Collection[str], title: str
) -> tuple[dict[str, list[Run]], dict[str, str]]:
    """Return the runs of each way, and why those that failed did; they are not run again.

    Args:
        ways: by name.
        rounds: how often each is run.
        ours: names of those that must not fail.
        title: of the progress bar.

    Raises:
        BenchmarkError: if one of ours fails.
        PartFailedError: likewise.
    """
    runs: dict[str, list[Run]] = {name: [] for name in ways}
    failures: dict[str, str] = {}
    with progress_bar(title, rounds * len(ways), unit="runs") as advance:
        for number in range(rounds):
            for name in turns(tuple(ways), number):
                if name not in failures:
                    try:
                        runs[name].append(ways[name](number))
                    except BenchmarkError as error:
                        if name in ours:
                            raise
                        failures[name] = f"failed: {error}"
                        del runs[name]
                    else:
                        print(f"{name}: {runs[name][-1].rate:,.0f} a second", file=sys.stderr)
                advance(1)
    return runs, failures


def times(runs: Runs, name: str, other: str) -> float:
    """Return how many times as fast one way is as another: the median of the rounds' ratios."""
    return median(a.rate / b.rate for a, b in zip(runs[name], runs[other], strict=True))
