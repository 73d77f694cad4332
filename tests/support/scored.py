"""Labelled and scored rows for tests."""

from collections.abc import Sequence

import numpy as np

from model.evaluation.curve import Scored


def scored(
    labels: Sequence[int],
    scores: Sequence[float],
    *,
    amounts: Sequence[float] | None = None,
    weights: Sequence[float] | None = None,
    days: float = 1.0,
) -> Scored:
    """Return rows of one day, by default with amount 1 and weight 1 each."""
    rows = len(labels)
    return Scored(
        fraud=np.array(labels) == 1,
        scores=np.array(scores, np.float32).astype(np.float64),
        amounts=np.array(amounts if amounts is not None else [1.0] * rows),
        weights=np.array(weights if weights is not None else [1.0] * rows),
        days=days,
    )


# The highest scores first: three frauds of four, one fraud of four, none of four.
STEPS = scored(
    [1, 1, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0],
    [0.9] * 4 + [0.5] * 4 + [0.1] * 4,
    amounts=[100.0, 50.0, 10.0, 1.0] + [5.0, 1.0, 1.0, 1.0] + [1.0] * 4,
    days=0.5,
)
