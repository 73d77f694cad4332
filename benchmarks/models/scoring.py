"""Whether the served network stays small and fast: `python -m benchmarks.models.scoring`.

Weighs model.keras and times the scoring of batches against a plain network: three layers on
standardised and clipped features. Both are trained for an epoch on rows of the twin, since neither
size nor speed depends on what was learned; both are scored as the detector does it, on the CPU, in
turns. It takes half a minute, and ends with 1 where a limit is passed.
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
from model.artifact.metadata import DataSource
from model.artifact.save import NETWORK
from model.recipes import RECIPES
from model.recipes.champion import CHAMPION
from model.recipes.recipe import Layer, Preparation, Recipe
from model.serving.backend import Score, compiled, import_keras, use_device
from model.training.train import train

PLAIN = Recipe(
    name="plain",
    summary="what the served network's speed is measured by",
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
FULL_BATCH = 4096  # whose time is limited

CALLS = {1: 200, 256: 50, FULL_BATCH: 5}
"""By rows of a batch: as many in a row as take some 20 ms."""

ROUNDS = 51
ROWS = 20_000  # with some 35 frauds


@dataclass(frozen=True, slots=True)
class Network:
    """An artifact's size on disk, in bytes, and what scores with it."""

    size: int
    score: Score


@dataclass(frozen=True, slots=True)
class Timed:
    """Milliseconds that a batch took in each round, of the plain network and of the other."""

    plain: list[float]
    other: list[float]

    @property
    def times(self) -> float:
        """How many times as long the other takes: the median of the rounds' ratios."""
        return median(b / a for a, b in zip(self.plain, self.other, strict=True))


def network(recipe: Recipe, path: Path) -> Network:
    """Train a recipe for an epoch, save it there, and load it as the detector does."""
    source = DataSource(name="the twin", synthetic=True)
    trained = train(synthesize(ROWS, seed=1), source=source, recipe=recipe, epochs=1)
    trained.network.save(path)
    loaded = import_keras().saving.load_model(path, compile=False)
    return Network(path.stat().st_size, compiled(loaded))


def measure(plain: Score, other: Score, rounds: int = ROUNDS) -> dict[int, Timed]:
    """Time both in turns, for each size of a batch; who goes first changes."""
    random = np.random.default_rng(1)
    timed = {rows: Timed([], []) for rows in CALLS}
    with progress_bar("Scoring", rounds * len(CALLS), unit="rounds") as advance:
        for number, rows in product(range(rounds), CALLS):
            batch = random.normal(size=(rows, len(FEATURES))).astype(np.float32)
            turns = [(plain, timed[rows].plain), (other, timed[rows].other)]
            for score, milliseconds in turns if number % 2 else reversed(turns):
                milliseconds.append(_milliseconds(score, batch, CALLS[rows]))
            advance(1)
    return timed


def _milliseconds(score: Score, batch: NDArray[np.float32], calls: int) -> float:
    """Return how long one call takes, after one that brings the network into the caches."""
    score(batch)
    begin = time.perf_counter_ns()
    for _ in range(calls):
        score(batch)
    return (time.perf_counter_ns() - begin) / calls / 1e6


def table(name: str, plain: int, other: int, timed: dict[int, Timed]) -> str:
    """Return sizes, in bytes, and times as a Markdown table."""
    lines = [[f"{NETWORK}, bytes", f"{plain:,}", f"{other:,}", "", f"{BYTES_MAXIMUM:,} bytes"]]
    for rows, it in timed.items():
        lines.append(
            [
                f"a batch of {rows:,}, ms",
                f"{median(it.plain):.3f}",
                f"{median(it.other):.3f}",
                f"{it.times:.2f}",
                f"{TIMES_MAXIMUM:g} times" if rows == FULL_BATCH else "",
            ]
        )
    return report.table(["", PLAIN.name, name, "times", "limit"], lines, align="lr", padded=True)


def check(size: int, timed: dict[int, Timed]) -> None:
    """Refuse a network beyond a limit.

    Raises:
        BenchmarkError: it is too large, or too slow.
    """
    if size > BYTES_MAXIMUM:
        raise BenchmarkError(f"{NETWORK} has {size:,} bytes, more than {BYTES_MAXIMUM:,}.")
    if timed[FULL_BATCH].times > TIMES_MAXIMUM:
        raise BenchmarkError(
            f"A batch of {FULL_BATCH:,} takes {timed[FULL_BATCH].times:.2f} times as long as with "
            f"the plain network, more than {TIMES_MAXIMUM:g} times."
        )


def main() -> None:
    """Measure, print, write, judge."""
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
