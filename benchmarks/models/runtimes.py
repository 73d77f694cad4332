"""What scoring costs with each runtime: `python -m benchmarks.models.runtimes`.

Times batches of 1 to 16,384 rows on the CPU: with Keras on TensorFlow as the detector calls it,
with the same network compiled by XLA for exactly that number of rows, and with onnxruntime; the
served network, and the same with half of its hidden layer. All take turns on the same rows. The
networks are not trained, since speed does not depend on the weights. It takes three minutes.
"""

import argparse
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import report
from benchmarks.harness.command import command_parser, publish, run_command
from dataset.columns import FEATURES
from dataset.twin import synthesize
from fraudstream.progress import progress_bar
from model.artifact import markdown
from model.artifact.graph import translate
from model.labelled import Labelled
from model.recipes.champion import CHAMPION
from model.recipes.recipe import Layer
from model.serving.backend import ScoreFunction, compiled, installed, use_device
from model.serving.graph import graph_scores
from model.training.network import build

SIZES = (1, 64, 2048, 16_384)
UNITS = (256, 128)
ROUNDS = 31
ROWS_IN_A_ROUND = 16_384
CALLS_MAXIMUM = 100
TWIN_ROWS = 20_000  # with some 35 frauds


@dataclass(slots=True)
class RowCosts:
    """Nanoseconds for a row in each round: of the clock, and of the processors, all threads."""

    elapsed: list[float] = field(default_factory=list)
    computed: list[float] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{median(self.elapsed):,.0f} ({median(self.computed):,.0f})"


def contenders(rows: int) -> dict[str, ScoreFunction]:
    """Return what is timed for batches of this size, by name."""
    twin = Labelled.of(synthesize(TWIN_ROWS, seed=1))
    functions: dict[str, ScoreFunction] = {}
    for units in UNITS:
        network = build(replace(CHAMPION, layers=(Layer(units, 0.3),)), twin)
        functions |= {
            f"Keras, {units}": compiled(network),
            f"XLA, {units}": compiled_for(network, rows),
            f"onnxruntime, {units}": graph_scores(translate(network)),
        }
    return functions


def compiled_for(network: Any, rows: int) -> ScoreFunction:
    """Return a network that XLA has compiled for batches of this size alone."""
    tensorflow = installed("tensorflow")
    call = tensorflow.function(
        lambda features: tensorflow.reshape(network(features, training=False), [-1]),
        input_signature=[tensorflow.TensorSpec((rows, len(FEATURES)), "float32")],
        autograph=False,
        jit_compile=True,
    ).get_concrete_function()

    def score(features: NDArray[np.float32]) -> NDArray[np.float32]:
        scores: NDArray[np.float32] = call(tensorflow.constant(features)).numpy()
        return scores

    return score


def measure(functions: Mapping[str, ScoreFunction], rows: int, rounds: int) -> dict[str, RowCosts]:
    """Time all functions in turns on batches of this size."""
    random = np.random.default_rng(1)
    calls = min(max(ROWS_IN_A_ROUND // rows, 1), CALLS_MAXIMUM)
    costs = {name: RowCosts() for name in functions}
    with progress_bar(f"Scoring {rows:,}", rounds * len(functions), unit="rounds") as advance:
        for _, (name, score) in product(range(rounds), functions.items()):
            batch = random.normal(size=(rows, len(FEATURES))).astype(np.float32)
            score(batch)  # brings the network into the caches
            elapsed, computed = time.perf_counter_ns(), time.process_time_ns()
            for _ in range(calls):
                score(batch)
            costs[name].computed.append((time.process_time_ns() - computed) / calls / rows)
            costs[name].elapsed.append((time.perf_counter_ns() - elapsed) / calls / rows)
            advance(1)
    return costs


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    parser = command_parser("benchmarks.models.runtimes", __doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, metavar="N")
    parser.add_argument("--report", type=Path, metavar="FILE", help="page to write it to")
    return parser


def run(arguments: argparse.Namespace) -> None:
    """Measure, print, write."""
    machine = report.machine()
    use_device("cpu")
    lines, headers = [], ["rows in a batch"]
    for rows in SIZES:
        costs = measure(contenders(rows), rows, arguments.rounds)
        headers = ["rows in a batch", *costs]
        lines.append([f"{rows:,}", *map(str, costs.values())])
    text = (
        f"{markdown.table(headers, lines, align='lr', padded=True)}\n\n"
        "Nanoseconds a row, in brackets those of processor time of all threads; medians of "
        f"{arguments.rounds} rounds on {machine}."
    )
    publish(text, arguments.report, "runtimes")


if __name__ == "__main__":
    run_command(parser(), run)
