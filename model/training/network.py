"""Build a recipe's network, with Keras 3 and numpy only, so that it runs on any Keras backend."""

from typing import Any

import numpy as np

from model.labelled import Labelled
from model.recipes.recipe import Recipe
from model.serving.backend import import_keras
from model.training.preprocessing import preprocess

SCORE_LAYER = "score"
"""The name of the last layer."""


def build(recipe: Recipe, rows: Labelled) -> Any:
    """Return the untrained network.

    Its input "transaction" is float32 [n, 30], raw features in the order of
    `dataset.columns.FEATURES`; its output "score" is float32 [n, 1], the probability of fraud.

    Args:
        recipe: with the preprocessing and the layers.
        rows: to train on. They give the constants of the preprocessing; and the share of frauds,
            which a recipe may take as the initial score, so that training need not begin by
            finding it.
    """
    keras = import_keras()
    transaction = keras.Input((rows.features.shape[1],), dtype="float32", name="transaction")
    hidden = preprocess(transaction, recipe.preparation, rows)
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
        name=SCORE_LAYER,
    )(hidden)
    return keras.Model(transaction, score, name=recipe.name.replace("-", "_"))
