"""A recipe's network, in Keras 3's words only, so that it runs on any of its backends.

Preprocessing is part of the graph, as constants: who serves the network sends raw features and
cannot prepare them in another way than training did.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.backend import import_keras
from model.recipes.recipe import Preparation, Recipe


def build(
    recipe: Recipe,
    features: NDArray[np.float64],
    weights: NDArray[np.float64],
    fraud_share: float,
) -> Any:
    """Return the untrained network.

    Its input "transaction" is float32 [n, 30], raw features in the order of
    `dataset.columns.FEATURES`; its output "score" is float32 [n, 1], a fraud's probability.

    Args:
        recipe: says how raw features are prepared, and the layers.
        features: the rows to be trained on, [rows, 30]; the constants of the preprocessing are
            their means and variances.
        weights: how many transactions each row stands for, [rows].
        fraud_share: share of frauds among them, 0 < share < 1; the score that the untrained
            network gives on average where the recipe wants it, so that training need not begin
            with finding it.
    """
    keras = import_keras()
    transaction = keras.Input((features.shape[1],), dtype="float32", name="transaction")
    hidden = _prepared(keras, transaction, recipe.preparation, features, weights)
    for number, layer in enumerate(recipe.layers, start=1):
        hidden = keras.layers.Dense(layer.units, activation="relu", name=f"dense_{number}")(hidden)
        if layer.dropout:
            hidden = keras.layers.Dropout(layer.dropout, name=f"dropout_{number}")(hidden)
    bias = float(np.log(fraud_share / (1 - fraud_share))) if recipe.true_bias else 0.0
    score = keras.layers.Dense(
        1,
        activation="sigmoid",
        bias_initializer=keras.initializers.Constant(bias),
        name="score",
    )(hidden)
    return keras.Model(transaction, score, name=recipe.name.replace("-", "_"))


def _prepared(
    keras: Any,
    transaction: Any,
    preparation: Preparation,
    features: NDArray[np.float64],
    weights: NDArray[np.float64],
) -> Any:
    """Return the part of the graph that makes raw features fit to be learned from."""
    first = 0 if preparation.time else 1
    joined, known = transaction[:, first:], features[:, first:]
    offset = preparation.amount_offset
    if offset is not None:
        amount = keras.ops.log(keras.ops.relu(transaction[:, -1:]) + offset)
        joined = keras.layers.Concatenate(name="logarithmic")([joined[:, :-1], amount])
        known = np.column_stack([known[:, :-1], np.log(features[:, -1] + offset)])
    if preparation.standardised:
        mean = np.average(known, axis=0, weights=weights)
        variance = np.average((known - mean) ** 2, axis=0, weights=weights)
        joined = keras.layers.Normalization(mean=mean, variance=variance, name="standardised")(
            joined
        )
    if preparation.clip is not None:
        joined = keras.ops.clip(joined, -preparation.clip, preparation.clip)
    return joined
