"""A recipe's network, in Keras 3's words only, so that it runs on any of its backends."""

from typing import Any

import numpy as np

from model.recipes.recipe import Recipe
from model.serving.backend import import_keras
from model.training.preprocessing import prepared
from model.training.rows import Rows


def build(recipe: Recipe, rows: Rows) -> Any:
    """Return the untrained network.

    Its input "transaction" is float32 [n, 30], raw features in the order of
    `dataset.columns.FEATURES`; its output "score" is float32 [n, 1], a fraud's probability.

    Args:
        recipe: says how raw features are prepared, and the layers.
        rows: to be trained on. The constants of the preprocessing are found in them; and the share
            of frauds, which is the score that the untrained network gives on average where the
            recipe wants it, so that training need not begin with finding it.
    """
    keras = import_keras()
    transaction = keras.Input((rows.features.shape[1],), dtype="float32", name="transaction")
    hidden = prepared(transaction, recipe.preparation, rows)
    for number, layer in enumerate(recipe.layers, start=1):
        hidden = keras.layers.Dense(layer.units, activation="relu", name=f"dense_{number}")(hidden)
        if layer.dropout:
            hidden = keras.layers.Dropout(layer.dropout, name=f"dropout_{number}")(hidden)
    odds = rows.frauds / (rows.transactions - rows.frauds)
    bias = float(np.log(odds)) if recipe.true_bias else 0.0
    score = keras.layers.Dense(
        1,
        activation="sigmoid",
        bias_initializer=keras.initializers.Constant(bias),
        name="score",
    )(hidden)
    return keras.Model(transaction, score, name=recipe.name.replace("-", "_"))
