"""The cost of drift detection, and the length that its window needs.

`python -m benchmarks.operations.drift`

Samples and counts batches as the detector's loop does, and prints how long that takes for each
transaction, beside the scoring of the same batches by the demo's network. Samples are counted once
a second, by a clock that advances as a loop would need for the batches.

Then compares windows of a few hours with the whole file, which is no drift, and prints the largest
stability index of any feature in any window. The rows are the twin's by default; --data names
others, and --weights their weights if they are a sample. It takes half a minute.
"""

import argparse
import time
from collections.abc import Callable
from itertools import accumulate, repeat
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import numpy as np
from prometheus_client import CollectorRegistry

from benchmarks.harness import report
from benchmarks.harness.command import command_parser, run_command
from benchmarks.harness.detector import artifact
from consumer.detector.drift import HOUR, Bins, Drift, stability_index
from dataset.columns import FEATURES
from dataset.reader import read
from dataset.twin import synthesize
from dataset.weights import read_weights
from model.artifact.markdown import table
from model.drift_baseline import DriftBaseline
from model.serving.scorer import Scorer

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

SIZES = (1, 256, 16_384)
ROUNDS = 9
LOOP_SECONDS = 3.0  # of each round, by the loop's clock: three counts

# What the loop takes, approximately: for a batch, and for each transaction in it.
BATCH_SECONDS, ROW_SECONDS = 4e-4, 6e-6

WINDOWS = (1, 6, 12, 24)  # hours
LARGE = 0.2
TWIN_ROWS = 284_807


def microseconds(call: Callable[[], object], size: int) -> float:
    """Return the time of a call for each of its rows, the median of the rounds."""
    calls = int(LOOP_SECONDS / (BATCH_SECONDS + ROW_SECONDS * size)) + 1
    rounds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for _ in range(calls):
            call()
        rounds.append((time.perf_counter() - start) / calls / size * 1e6)
    return median(rounds)


def measure(scorer: Scorer, size: int) -> list[str]:
    """Return the table's row for batches of this size."""
    seconds = accumulate(repeat(BATCH_SECONDS + ROW_SECONDS * size))
    names = [(name, "") for name in ("features", "scores", "rows")]
    drift = Drift(CollectorRegistry(), *names, clock=lambda: next(seconds))
    drift.compare_with(scorer.metadata.reference, scorer.metadata.feature_names)
    features = synthesize(max(SIZES), 1)[list(FEATURES)].to_numpy(np.float32)[:size]
    scores = scorer(features)
    sampling = microseconds(lambda: drift.add([drift.sample(features, scores)]), size)
    scoring = microseconds(lambda: scorer(features), size)
    return [f"{size:,}", f"{sampling:.3f}", f"{scoring:.3f}"]


def windows(frame: "pd.DataFrame", weights: "NDArray[np.float64]") -> list[list[str]]:
    """Return the table's rows, one for each length of window; a window begins in each hour."""
    names, times = FEATURES[1:], frame["Time"].to_numpy()  # without Time, which only grows
    features = frame[list(names)].to_numpy(np.float32)
    bins = Bins.of(DriftBaseline.of(features, features[:, 0], weights), names)
    rows = []
    for hours in WINDOWS:
        indices = []
        for begin in range(int(times[-1] // HOUR) + 2 - hours):
            window = (times >= begin * HOUR) & (times < (begin + hours) * HOUR)
            counted = np.array([
                np.bincount(np.searchsorted(low, column) - 1, weights[window], bins.lows.shape[1])
                for low, column in zip(bins.lows, features[window].T, strict=False)
            ])  # fmt: skip
            scaled = counted / weights[window].sum() * window.sum()  # to the number of rows
            indices.append(stability_index(bins.shares[:-1], scaled))
        largest = np.array(indices).max(axis=0)
        feature = int(largest.argmax())
        large = str(np.count_nonzero(largest >= LARGE))
        rows.append(
            [
                str(hours),
                f"{np.median(indices):.3f}",
                f"{largest[feature]:.2f}",
                names[feature],
                large,
            ]
        )
    return rows


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    parser = command_parser("benchmarks.operations.drift", __doc__)
    parser.add_argument("--data", type=Path, metavar="FILE", help="a creditcard.csv")
    parser.add_argument("--weights", type=Path, metavar="FILE", help="of its rows")
    return parser


def run(arguments: argparse.Namespace) -> None:
    """Measure and print."""
    frame = synthesize(TWIN_ROWS, 1) if arguments.data is None else read(arguments.data)
    weights = np.ones(len(frame))
    if arguments.weights is not None:
        weights = read_weights(arguments.weights, len(frame))
    machine = report.machine()
    scorer = Scorer.load(artifact(), device="cpu")
    headers = ["rows in a batch", "drift, us a transaction", "scoring, us a transaction"]
    costs = [measure(scorer, size) for size in SIZES]
    print(f"On {machine}; medians of {ROUNDS} rounds.\n")
    print(table(headers, costs, align="lr", padded=True))
    headers = ["hours", "index, median", "largest", "of", f"features with {LARGE} or more"]
    print(f"\nWindows of {arguments.data or 'the twin'}, against all of it.\n")
    print(table(headers, windows(frame, weights), align="lr", padded=True))


if __name__ == "__main__":
    run_command(parser(), run)
