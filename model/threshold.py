"""Choose the score at which a transaction is flagged."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

# With some 50 frauds held out, one more or less of them caught moves F1 by 0.01.
TOLERANCE = 0.02

POLICY = (
    "the middle of the range of thresholds whose F1 (the harmonic mean of precision and recall) "
    f"on the held-out rows is within {TOLERANCE} of the best"
)

# Where the held-out rows have no fraud to choose by.
WITHOUT_FRAUDS = 0.5


def choose(
    labels: NDArray[Any],
    scores: NDArray[np.floating[Any]],
    weights: NDArray[np.floating[Any]] | None = None,
) -> float:
    """Return the threshold at and above which a score is flagged, 0 <= threshold <= 1.

    F1 asks for no price of a missed fraud or of a false alarm, which nobody has told us, and
    weighs the two errors alike however rare frauds are. With few frauds it is nearly the same
    over a wide range, and where in it the best lies is chance: so the range around the best is
    taken as far as F1 stays within `TOLERANCE`, and its middle chosen. Rows of equal score are
    flagged together or not at all.

    Args:
        labels: 1 for fraud and 0 for legitimate, [n], n >= 1.
        scores: [n], each 0 to 1.
        weights: how many transactions each row stands for, [n]; None for one each.
    """
    fraud = np.asarray(labels) == 1
    if not fraud.any():
        return WITHOUT_FRAUDS
    score = np.asarray(scores, np.float64)
    weight = np.ones(len(score)) if weights is None else np.asarray(weights, np.float64)
    order = np.argsort(-score, kind="stable")
    score, weight, fraud = score[order], weight[order], fraud[order]
    flagged, caught = np.cumsum(weight), np.cumsum(weight * fraud)
    # A threshold can only stand where the score changes.
    steps = np.flatnonzero(np.append(score[1:] < score[:-1], True))
    f1 = 2 * caught[steps] / (flagged[steps] + caught[-1])
    best = int(np.argmax(f1))
    poor = np.flatnonzero(f1 < f1[best] - TOLERANCE)
    first = int(poor[poor < best].max(initial=-1)) + 1
    beyond = int(poor[poor > best].min(initial=len(steps)))
    highest = float(score[steps[first]])
    # Down to the score that must no longer be flagged, or to 0 where all may be.
    below = float(score[steps[beyond]]) if beyond < len(steps) else 0.0
    middle = float(np.float32((highest + below) / 2))  # scores are float32, so compare as such
    return middle if middle > below else highest
