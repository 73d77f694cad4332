"""Preprocessing as part of the network's graph, with constants from the training rows.

A served network takes raw features, so serving cannot preprocess them differently than training.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.errors import TrainingError
from model.labelled import Labelled
from model.recipes.recipe import Preparation
from model.serving.backend import import_keras

# In standard deviations. A value that another machine rounds in the seventh digit changes a term by
# 1e-5 at most.
NARROWEST_BIN = 0.05


def preprocess(transaction: Any, preparation: Preparation, rows: Labelled) -> Any:
    """Return the part of the graph that preprocesses raw features.

    Args:
        transaction: the network's input, float32 [n, 30].
        preparation: the steps.
        rows: to train on; they give the constants, each row counting as its weight says.

    Raises:
        TrainingError: no feature separates frauds from legitimate transactions.
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
                f"In none of the {known.shape[1]} features do frauds differ enough from "
                "legitimate rows to train on: check the column Class."
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


def distances(features: NDArray[np.float64], rows: Labelled) -> NDArray[np.float64]:
    """Return how far each feature separates the two classes, from 0 to 1, [features].

    This is the two-sample Kolmogorov-Smirnov distance: the widest gap between the cumulative
    distributions of the two classes.

    Args:
        features: of the rows, preprocessed in any way, [rows, features].
        rows: give labels and weights.
    """
    result = np.zeros(features.shape[1])
    shares = [
        np.where(rows.labels == label, rows.weights, 0.0) / rows.weights[rows.labels == label].sum()
        for label in (0, 1)
    ]
    for column, values in enumerate(features.T):
        order = np.argsort(values, kind="stable")
        last = np.append(np.diff(values[order]) > 0, True)  # of each run of equal values
        gap = np.cumsum(shares[0][order]) - np.cumsum(shares[1][order])
        result[column] = np.abs(gap[last]).max()
    return result


def edges(
    features: NDArray[np.float64], rows: Labelled, bins: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the lower edges and the widths of each feature's bins, float32 [features, k] both.

    The edges are the `bins + 1` quantiles of the legitimate rows and the `bins // 2 + 1` of the
    frauds, sorted together, so k is `bins + bins // 2 + 1`. Where edges coincide, for example at
    frequent amounts, the narrow bin indicates whether a value is above them.

    Args:
        features: of the rows, standardised, [rows, features].
        rows: give labels and weights.
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
    ascending = np.sort(np.concatenate(quantiles), axis=0).T
    low, width = ascending[:, :-1], np.maximum(np.diff(ascending, axis=1), NARROWEST_BIN)
    return low.astype(np.float32), width.astype(np.float32)
