"""Rounds: contenders take turns, so that other load on the machine affects all of them alike.

A first round does not count: Kafka's JVM compiles its code, and files come into the system's cache.
"""

import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from statistics import median

from benchmarks.harness.drain import Run
from benchmarks.harness.errors import BenchmarkError
from fraudstream.progress import progress_bar

Contender = Callable[[int], Run]
"""Does the work once, in the round of that number."""

DISCARDED_ROUNDS = 1

Runs = Mapping[str, Sequence[Run]]
"""The runs of each contender by name, one for each round that counts; without those that failed."""


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
        rounds: that count.
        required: names of those whose failure ends the benchmark.
        title: of the progress bar.

    Raises:
        BenchmarkError: if a required contender fails.
        ServiceFailedError: if a detector fails.
    """
    runs: dict[str, list[Run]] = {name: [] for name in contenders}
    failures: dict[str, str] = {}
    total = DISCARDED_ROUNDS + rounds
    with progress_bar(title, total * len(contenders), unit="runs") as advance:
        for number in range(total):
            for name in turns(tuple(contenders), number):
                if name not in failures:
                    try:
                        run = contenders[name](number)
                    except BenchmarkError as error:
                        if name in required:
                            raise
                        failures[name] = f"failed: {error}"
                        del runs[name]
                    else:
                        print(f"{name}: {run.rate:,.0f} a second", file=sys.stderr)
                        if number >= DISCARDED_ROUNDS:
                            runs[name].append(run)
                advance(1)
    return runs, failures


def speedup(runs: Runs, name: str, other: str) -> float:
    """Return how many times as fast as another a contender is: the median of the rounds' ratios."""
    return median(a.rate / b.rate for a, b in zip(runs[name], runs[other], strict=True))
