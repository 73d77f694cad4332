"""Correct a network's scores for another share of frauds than that of the rows it learned from.

Where only the share of the classes differs, and not the transactions within a class, Bayes' rule
gives the score at the new share from the old one: in log-odds, it moves by the difference between
the log-odds of the two shares. See Saerens, Latinne and Decaestecker, Adjusting the Outputs of a
Classifier to New a Priori Probabilities, Neural Computation 14, 2002; and Elkan, The
Foundations of Cost-Sensitive Learning, IJCAI 2001, theorem 2.
"""

from math import log
from typing import Any

import numpy as np

from model.labelled import Labelled
from model.recipes.recipe import Recipe
from model.training.fit import class_weights
from model.training.network import SCORE_LAYER


def shift(recipe: Recipe, rows: Labelled, prior: float) -> float:
    """Return what has to be added to the log-odds of a network's scores.

    Args:
        recipe: by which it was trained. Class weights and oversampling change the share of frauds
            in the loss, as other rows would.
        rows: that it was trained on.
        prior: share of frauds among the transactions to score, between 0 and 1.
    """
    return log(prior / (1 - prior)) - log(_learned_odds(recipe, rows))


def add_to_log_odds(network: Any, amount: float) -> None:
    """Add to the log-odds of every score: to the bias before the sigmoid of the last layer."""
    layer = network.get_layer(SCORE_LAYER)
    kernel, bias = layer.get_weights()
    layer.set_weights([kernel, bias + np.float32(amount)])


def _learned_odds(recipe: Recipe, rows: Labelled) -> float:
    """Return the odds of fraud in the loss."""
    if recipe.oversampled:
        return 1.0  # half of each batch
    legitimate, fraud = class_weights(recipe, rows)
    return float(fraud * rows.frauds / (legitimate * (rows.transactions - rows.frauds)))
