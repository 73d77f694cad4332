"""Check that the served network is small and fast: `python -m benchmarks.models.scoring`.

Measures the size of model.keras and the time of scoring a batch, both against a plain network:
three layers on standardised and clipped features. Both are trained for an epoch on rows of the
twin, since neither size nor speed depends on the weights; both score as in the detector, on the
CPU, in turns. It takes half a minute, and exits with 1 where a limit is exceeded.
"""

import argparse
import time
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import report
from benchmarks.harness.command import errors_in_one_sentence
from benchmarks.harness.errors import BenchmarkError
from dataset.columns import FEATURES
from dataset.twin import synthesize
from fraudstream.progress import progress_bar
from model.artifact import markdown
from model.artifact.files import NETWORK
from model.artifact.metadata import DataSource
from model.labelled import Labelled
from model.recipes import RECIPES
from model.recipes.champion import CHAMPION
from model.recipes.recipe import Layer, Preparation, Recipe
from model.serving.backend import ScoreFunction, compiled, import_keras, use_device
from model.training.plan import TrainingPlan
from model.training.train import train

PLAIN = Recipe(
    name="plain",
    summary="the baseline for the served network's speed",
    source="fraudstream",
    test="later",
    preparation=Preparation(time=True, amount_offset=None, standardised=True, clip=10.0),
    layers=(Layer(256, 0.3), Layer(128, 0.3), Layer(64, 0.3)),
    learning_rate=1e-3,
    batch=2048,
    epochs=1,
)

BYTES_MAXIMUM = 2_000_000
TIMES_MAXIMUM = 3.0
FULL_BATCH = 4096  # the size with a time limit

CALLS = {1: 200, 256: 50, FULL_BATCH: 5}
"""By rows of a batch: as many consecutive calls as take about 20 ms."""

ROUNDS = 51
ROWS = 20_000  # with some 35 frauds


@dataclass(frozen=True, slots=True)
class SavedNetwork:
    """The size of a network's file, in bytes, and its score function."""

    size: int
    score: ScoreFunction


@dataclass(frozen=True, slots=True)
class RoundTimes:
    """Milliseconds for a batch in each round, by the plain network and by the other."""

    plain: list[float]
    other: list[float]

    @property
    def ratio(self) -> float:
        """The time of the other divided by that of the plain one: the median over the rounds."""
        return median(b / a for a, b in zip(self.plain, self.other, strict=True))


def network(recipe: Recipe, path: Path) -> SavedNetwork:
    """Train a recipe for an epoch, save the network, and load it as the detector does."""
    source = DataSource(name="the twin", synthetic=True)
    plan = TrainingPlan(recipe=recipe, epochs=1)
    trained = train(Labelled.of(synthesize(ROWS, seed=1)), plan, source=source)
    trained.network.save(path)
    loaded = import_keras().saving.load_model(path, compile=False)
    return SavedNetwork(path.stat().st_size, compiled(loaded))


def measure(
    plain: ScoreFunction, other: ScoreFunction, rounds: int = ROUNDS
) -> dict[int, RoundTimes]:
    """Time both in turns, for each size of a batch; they take turns at going first."""
    random = np.random.default_rng(1)
    timed = {rows: RoundTimes([], []) for rows in CALLS}
    with progress_bar("Scoring", rounds * len(CALLS), unit="rounds") as advance:
        for number, rows in product(range(rounds), CALLS):
            batch = random.normal(size=(rows, len(FEATURES))).astype(np.float32)
            turns = [(plain, timed[rows].plain), (other, timed[rows].other)]
            for score, milliseconds in turns if number % 2 else reversed(turns):
                milliseconds.append(_milliseconds(score, batch, CALLS[rows]))
            advance(1)
    return timed


def _milliseconds(score: ScoreFunction, batch: NDArray[np.float32], calls: int) -> float:
    """Return the time of one call, after one that brings the network into the caches."""
    score(batch)
    begin = time.perf_counter_ns()
    for _ in range(calls):
        score(batch)
    return (time.perf_counter_ns() - begin) / calls / 1e6


def table(name: str, plain: int, other: int, timed: dict[int, RoundTimes]) -> str:
    """Return sizes, in bytes, and times as a Markdown table."""
    lines = [[f"{NETWORK}, bytes", f"{plain:,}", f"{other:,}", "", f"{BYTES_MAXIMUM:,} bytes"]]
    for rows, times in timed.items():
        lines.append(
            [
                f"a batch of {rows:,}, ms",
                f"{median(times.plain):.3f}",
                f"{median(times.other):.3f}",
                f"{times.ratio:.2f}",
                f"{TIMES_MAXIMUM:g} times" if rows == FULL_BATCH else "",
            ]
        )
    headers = ["", PLAIN.name, name, "times", "limit"]
    return markdown.table(headers, lines, align="lr", padded=True)


def check(size: int, timed: dict[int, RoundTimes]) -> None:
    """Check the limits.

    Raises:
        BenchmarkError: the network is too large, or too slow.
    """
    if size > BYTES_MAXIMUM:
        raise BenchmarkError(f"{NETWORK} has {size:,} bytes, more than {BYTES_MAXIMUM:,}.")
    if timed[FULL_BATCH].ratio > TIMES_MAXIMUM:
        raise BenchmarkError(
            f"A batch of {FULL_BATCH:,} takes {timed[FULL_BATCH].ratio:.2f} times as long as with "
            f"the plain network, more than {TIMES_MAXIMUM:g} times."
        )


def main() -> None:
    """Measure, print, write, check."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.models.scoring",
        description=(__doc__ or "").partition("\n\n")[2],
    )
    parser.add_argument("--recipe", choices=RECIPES, default=CHAMPION.name)
    parser.add_argument("--report", type=Path, metavar="FILE", help="page to write it to")
    arguments = parser.parse_args()
    machine = report.machine()
    with errors_in_one_sentence():
        use_device("cpu")
        with TemporaryDirectory(prefix="fraudstream-benchmark-") as folder:
            plain = network(PLAIN, Path(folder) / "plain.keras")
            other = network(RECIPES[arguments.recipe], Path(folder) / "other.keras")
        timed = measure(plain.score, other.score)
        text = table(arguments.recipe, plain.size, other.size, timed)
        text += f"\n\nMedians of {ROUNDS} rounds on {machine}."
        print(text)
        if arguments.report:
            report.write_section(arguments.report, "scoring", text)
        check(other.size, timed)


if __name__ == "__main__":
    main()
