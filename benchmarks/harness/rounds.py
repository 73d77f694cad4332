"""Rounds: contenders take turns, so that other load on the machine affects all of them alike."""

import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from statistics import median

from benchmarks.harness.drain import Run
from benchmarks.harness.errors import BenchmarkError
from fraudstream.progress import progress_bar

Contender = Callable[[int], Run]
"""Does the work once, in the round of that number."""

Runs = Mapping[str, Sequence[Run]]
"""The runs of each contender by name, one for each round; without contenders that failed."""


def turns(names: Sequence[str], number: int) -> Sequence[str]:
    """Return the order of a round: each round starts with another contender."""
    first = number % len(names) if names else 0
    return (*names[first:], *names[:first])


def measure(
    contenders: Mapping[str, Contender], rounds: int, *, required: Collection[str], title: str
) -> tuple[dict[str, list[Run]], dict[str, str]]:
    """Return the runs of each contender, and the reason for each that failed.

    A contender that failed is not run again.

    Args:
        contenders: by name.
        rounds: how often each is run.
        required: names of those whose failure ends the benchmark.
        title: of the progress bar.

    Raises:
        BenchmarkError: if a required contender fails.
        ServiceFailedError: if a detector fails.
    """
    runs: dict[str, list[Run]] = {name: [] for name in contenders}
    failures: dict[str, str] = {}
    with progress_bar(title, rounds * len(contenders), unit="runs") as advance:
        for number in range(rounds):
            for name in turns(tuple(contenders), number):
                if name not in failures:
                    try:
                        runs[name].append(contenders[name](number))
                    except BenchmarkError as error:
                        if name in required:
                            raise
                        failures[name] = f"failed: {error}"
                        del runs[name]
                    else:
                        print(f"{name}: {runs[name][-1].rate:,.0f} a second", file=sys.stderr)
                advance(1)
    return runs, failures


def speedup(runs: Runs, name: str, other: str) -> float:
    """Return how many times as fast as another a contender is: the median of the rounds' ratios."""
    return median(a.rate / b.rate for a, b in zip(runs[name], runs[other], strict=True))
