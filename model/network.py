"""The default network, in Keras 3's words only, so that it runs on any of its backends.

Preprocessing is part of the graph, as constants: who serves the network sends raw features and
cannot prepare them in another way than training did.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.backend import import_keras

UNITS = (256, 128, 64)
DROPOUT = 0.3

# In standard deviations. Frauds lie 5 to 30 out in several components; further out says nothing
# more, and an absurd number cannot drown the others.
CLIP = 10.0


def build(
    features: NDArray[np.float64],
    fraud_share: float,
    weights: NDArray[np.float64] | None = None,
) -> Any:
    """Return the untrained network.

    Its input "transaction" is float32 [n, 30], raw features in the order of
    `dataset.columns.FEATURES`; its output "score" is float32 [n, 1], a fraud's probability.

    Args:
        features: the rows to be trained on, [rows, 30]; the constants of the preprocessing are
            their means and variances.
        fraud_share: share of frauds among them, 0 < share < 1; the score that the untrained
            network gives on average, so that training need not begin with finding it.
        weights: how many transactions each row stands for, [rows]; None for one each.
    """
    keras = import_keras()
    transaction = keras.Input((features.shape[1],), dtype="float32", name="transaction")
    hidden = _prepared(keras, transaction, features, weights)
    for number, units in enumerate(UNITS, start=1):
        hidden = keras.layers.Dense(units, activation="relu", name=f"dense_{number}")(hidden)
        hidden = keras.layers.Dropout(DROPOUT, name=f"dropout_{number}")(hidden)
    bias = keras.initializers.Constant(float(np.log(fraud_share / (1 - fraud_share))))
    score = keras.layers.Dense(1, activation="sigmoid", bias_initializer=bias, name="score")(hidden)
    return keras.Model(transaction, score, name="fraud_network")


def _prepared(
    keras: Any,
    transaction: Any,
    features: NDArray[np.float64],
    weights: NDArray[np.float64] | None,
) -> Any:
    """Return the part of the graph that makes raw features fit to be learned from."""
    # Amounts run from 0 to 25,691 with a median of 22: their logarithm is near to normal.
    plain, amount = transaction[:, :-1], keras.ops.log1p(keras.ops.relu(transaction[:, -1:]))
    prepared = np.column_stack([features[:, :-1], np.log1p(features[:, -1])])
    joined = keras.layers.Concatenate(name="logarithmic")([plain, amount])
    mean = np.average(prepared, axis=0, weights=weights)
    variance = np.average((prepared - mean) ** 2, axis=0, weights=weights)
    scaled = keras.layers.Normalization(mean=mean, variance=variance, name="standardised")(joined)
    return keras.ops.clip(scaled, -CLIP, CLIP)
