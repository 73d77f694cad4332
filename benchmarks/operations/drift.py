"""What watching for drift costs, and how long its window has to be.

`python -m benchmarks.operations.drift`

Samples and counts batches as the detector's loop does, and says how long that takes for each
transaction, beside a scoring call of the demo's network on the same batches. Samples are counted
once a second; the seconds are those that a loop would need for the batches.

Then how far the hours and the days of a file lie from the whole of it, which is no drift: the
largest stability index of any feature in any window of so many hours. By default of the twin; of
other rows with --data, and --weights where they are a sample. It takes half a minute.
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
from benchmarks.harness.detector import artifact
from benchmarks.harness.ending import in_a_sentence
from consumer.detector.drift import HOUR, Bins, Drift, stability_index
from dataset.columns import FEATURES
from dataset.reader import read
from dataset.twin import synthesize
from dataset.weights import read_weights
from model.drift_baseline import DriftBaseline
from model.serving.scorer import Scorer

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

SIZES = (1, 256, 16_384)
ROUNDS = 9
LOOP_SECONDS = 3.0  # of each round, by the loop's clock: as many counts

# What a loop takes, about: for a batch, and for each transaction in it.
BATCH_SECONDS, ROW_SECONDS = 4e-4, 6e-6

WINDOWS = (1, 6, 12, 24)  # hours
LARGE = 0.2
TWIN_ROWS = 284_807


def microseconds(call: Callable[[], object], size: int) -> float:
    """Return what a call takes for each of the rows that it handles, the median of the rounds."""
    calls = int(LOOP_SECONDS / (BATCH_SECONDS + ROW_SECONDS * size)) + 1
    rounds = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        for _ in range(calls):
            call()
        rounds.append((time.perf_counter() - begun) / calls / size * 1e6)
    return median(rounds)


def measure(scorer: Scorer, size: int) -> list[str]:
    """Return the table's row for batches of this size."""
    seconds = accumulate(repeat(BATCH_SECONDS + ROW_SECONDS * size))
    names = [(name, "") for name in ("features", "scores", "rows")]
    drift = Drift(CollectorRegistry(), *names, clock=lambda: next(seconds))
    drift.compare_with(scorer.metadata.reference, scorer.metadata.feature_names)
    features = synthesize(max(SIZES), 1)[list(FEATURES)].to_numpy(np.float32)[:size]
    scores = scorer(features)
    watching = microseconds(lambda: drift.add([drift.sample(features, scores)]), size)
    scoring = microseconds(lambda: scorer(features), size)
    return [f"{size:,}", f"{watching:.3f}", f"{scoring:.3f}"]


def windows(frame: "pd.DataFrame", weights: "NDArray[np.float64]") -> list[list[str]]:
    """Return the table's row for windows of each length, one beginning in each hour."""
    names, times = FEATURES[1:], frame["Time"].to_numpy()  # without Time, which is a clock
    features = frame[list(names)].to_numpy(np.float32)
    bins = Bins.of(DriftBaseline.of(features, features[:, 0], weights), names)
    rows = []
    for hours in WINDOWS:
        found = []
        for begin in range(int(times[-1] // HOUR) + 2 - hours):
            its = (times >= begin * HOUR) & (times < (begin + hours) * HOUR)
            counted = np.array([
                np.bincount(np.searchsorted(low, column) - 1, weights[its], bins.lows.shape[1])
                for low, column in zip(bins.lows, features[its].T, strict=False)
            ])  # fmt: skip
            held = counted / weights[its].sum() * its.sum()  # as many rows as there are
            found.append(stability_index(bins.shares[:-1], held))
        largest = np.array(found).max(axis=0)
        at = int(largest.argmax())
        large = str(np.count_nonzero(largest >= LARGE))
        rows.append([str(hours), f"{np.median(found):.3f}", f"{largest[at]:.2f}", names[at], large])
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.operations.drift",
        description=(__doc__ or "").partition("\n\n")[2],
    )
    parser.add_argument("--data", type=Path, metavar="FILE", help="a creditcard.csv")
    parser.add_argument("--weights", type=Path, metavar="FILE", help="of its rows")
    asked = parser.parse_args()
    frame = synthesize(TWIN_ROWS, 1) if asked.data is None else read(asked.data)
    weights = np.ones(len(frame))
    if asked.weights is not None:
        weights = read_weights(asked.weights, len(frame))
    machine = report.machine()
    scorer = Scorer.load(artifact(), device="cpu")
    heads = ["rows in a batch", "drift, us a transaction", "scoring, us a transaction"]
    print(f"On {machine}; medians of {ROUNDS} rounds.\n")
    print(report.table(heads, [measure(scorer, size) for size in SIZES]))
    heads = ["hours", "index, median", "largest", "of", f"features with {LARGE} or more"]
    print(f"\nWindows of {asked.data or 'the twin'}, against all of it.\n")
    print(report.table(heads, windows(frame, weights)))


if __name__ == "__main__":
    with in_a_sentence():
        main()
