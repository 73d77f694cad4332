"""What watching for drift costs: `python -m benchmarks.drift`.

Samples and counts batches as the detector's loop does, and says how long that takes for each
transaction, beside a scoring call of the demo's network on the same batches. Samples are counted
once a second; the seconds are those that a loop would need for the batches. It takes a few seconds.
"""

import time
from collections.abc import Callable
from itertools import accumulate, repeat
from statistics import median

import numpy as np
from prometheus_client import CollectorRegistry

from benchmarks import report
from benchmarks.detecting import artifact
from benchmarks.ending import in_a_sentence
from consumer.drift import Drift
from dataset.columns import FEATURES
from dataset.twin import synthesize
from model.scorer import Scorer

SIZES = (1, 256, 16_384)
ROUNDS = 9
LOOP_SECONDS = 3.0  # of each round, by the loop's clock: as many counts

# What a loop takes, about: for a batch, and for each transaction in it.
BATCH_SECONDS, ROW_SECONDS = 4e-4, 6e-6


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
    watching = microseconds(lambda: drift.add(drift.sample(features, scores)), size)
    scoring = microseconds(lambda: scorer(features), size)
    return [f"{size:,}", f"{watching:.3f}", f"{scoring:.3f}"]


def main() -> None:
    """Measure and print."""
    machine = report.machine()
    scorer = Scorer.load(artifact(), device="cpu")
    heads = ["rows in a batch", "drift, us a transaction", "scoring, us a transaction"]
    print(f"On {machine}; medians of {ROUNDS} rounds.\n")
    print(report.table(heads, [measure(scorer, size) for size in SIZES]))


if __name__ == "__main__":
    with in_a_sentence():
        main()
