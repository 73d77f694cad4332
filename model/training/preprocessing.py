"""How raw features are prepared, inside the graph: constants that training finds in its rows.

Who serves the network sends raw features and cannot prepare them in another way than training did.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.errors import TrainingError
from model.recipes.recipe import Preparation
from model.serving.backend import import_keras
from model.training.rows import Rows

# Of standard deviations: a value that another machine rounds in the seventh digit moves a term by
# 1e-5 at most.
NARROWEST_BIN = 0.05


def prepared(transaction: Any, preparation: Preparation, rows: Rows) -> Any:
    """Return the part of the graph that makes raw features fit to be learned from.

    Args:
        transaction: the network's input, float32 [n, 30].
        preparation: what is to be done.
        rows: to be trained on; the constants are found in them, each row as heavy as it weighs.

    Raises:
        TrainingError: no feature tells frauds from the others.
    """
    keras = import_keras()
    first = 0 if preparation.time else 1
    joined, known = transaction[:, first:], rows.features[:, first:]
    offset = preparation.amount_offset
    if offset is not None:
        amount = keras.ops.log(keras.ops.relu(transaction[:, -1:]) + offset)
        joined = keras.layers.Concatenate(name="logarithmic")([joined[:, :-1], amount])
        known = np.column_stack([known[:, :-1], np.log(rows.features[:, -1] + offset)])
    if preparation.apart:
        kept = np.flatnonzero(distances(known, rows) > preparation.apart)
        if not len(kept):
            raise TrainingError(
                f"In none of the {known.shape[1]} features do frauds differ from other rows enough "
                "to be learned from: check the column Class."
            )
        joined = keras.ops.take(joined, kept, axis=1)
        known = known[:, kept]
    if preparation.standardised:
        mean = np.average(known, axis=0, weights=rows.weights)
        variance = np.average((known - mean) ** 2, axis=0, weights=rows.weights)
        joined = keras.layers.Normalization(mean=mean, variance=variance, name="standardised")(
            joined
        )
        # As Keras does it, so that a feature with one value alone becomes 0.
        known = (known - mean) / np.maximum(np.sqrt(variance), keras.config.epsilon())
    if preparation.clip is not None:
        joined = keras.ops.clip(joined, -preparation.clip, preparation.clip)
        known = known.clip(-preparation.clip, preparation.clip)
    if preparation.bins:
        low, width = edges(known, rows, preparation.bins)
        terms = keras.ops.clip((joined[:, :, None] - low) / width, 0.0, 1.0)
        terms = keras.layers.Flatten(name="piecewise")(terms)
        joined = keras.layers.Concatenate(name="beside")([joined, terms])
    return joined


def distances(features: NDArray[np.float64], rows: Rows) -> NDArray[np.float64]:
    """Return how far apart the distributions in the two classes are, from 0 to 1, [features].

    The two-sample Kolmogorov-Smirnov distance: the widest gap between the two classes' cumulated
    shares.

    Args:
        features: of the rows, in any preparation, [rows, features].
        rows: whose labels and weights count.
    """
    found = np.zeros(features.shape[1])
    shares = [
        np.where(rows.labels == label, rows.weights, 0.0) / rows.weights[rows.labels == label].sum()
        for label in (0, 1)
    ]
    for place, values in enumerate(features.T):
        order = np.argsort(values, kind="stable")
        last = np.append(np.diff(values[order]) > 0, True)  # of each run of equal values
        gap = np.cumsum(shares[0][order]) - np.cumsum(shares[1][order])
        found[place] = np.abs(gap[last]).max()
    return found


def edges(
    features: NDArray[np.float64], rows: Rows, bins: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the lower edges and the widths of each feature's bins, float32 [features, k] both.

    k is `bins` and half as many and one: between the `bins + 1` quantiles of the legitimate rows
    and the `bins // 2 + 1` of the frauds, all in one order. Where edges fall together, as where
    many amounts are the same, the narrow bin tells whether a value is above them.

    Args:
        features: of the rows, standardised, [rows, features].
        rows: whose labels and weights count.
        bins: at least 2.
    """
    quantiles = [
        np.quantile(
            features[rows.labels == label],
            np.linspace(0, 1, count + 1),
            axis=0,
            weights=rows.weights[rows.labels == label],
            method="inverted_cdf",
        )
        for label, count in ((0, bins), (1, bins // 2))
    ]
    rising = np.sort(np.concatenate(quantiles), axis=0).T
    low, width = rising[:, :-1], np.maximum(np.diff(rising, axis=1), NARROWEST_BIN)
    return low.astype(np.float32), width.astype(np.float32)
