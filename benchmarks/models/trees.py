"""LightGBM's boosted trees, which the network is compared with."""

from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness.errors import BenchmarkError
from model.labelled import Labelled

# Chosen by the mean average precision on the same folds that test it, which favours it.
TUNED: dict[str, Any] = {
    "n_estimators": 600,
    "learning_rate": 0.02,
    "num_leaves": 15,
    "min_child_samples": 100,
    "subsample": 0.8,
    "subsample_freq": 1,
    "colsample_bytree": 0.5,
    "reg_lambda": 10.0,
}

TREES: dict[str, dict[str, Any]] = {"lightgbm": TUNED, "lightgbm-defaults": {}}
"""Settings by name."""


def check_installed() -> None:
    """Check that LightGBM is installed, before any time is spent.

    Raises:
        BenchmarkError: LightGBM is not installed.
    """
    if find_spec("lightgbm") is None:
        raise BenchmarkError(
            "LightGBM, which the network is compared with, is not installed; install it with: "
            "pip install 'lightgbm>=4.5'"
        )


def scores(
    settings: dict[str, Any], rows: Labelled, features: NDArray[np.float64], seed: int
) -> NDArray[np.float64]:
    """Return the scores, [n], of raw features, [n, 30], by trees trained on the rows.

    Training runs in one thread, so that the same seed gives the same trees.
    """
    from lightgbm import LGBMClassifier

    trees = LGBMClassifier(**settings, random_state=seed, n_jobs=1, verbose=-1)
    # The booster, since scikit-learn warns of the names that LightGBM gives an array's columns.
    booster = trees.fit(rows.features, rows.labels, sample_weight=rows.weights).booster_
    return np.asarray(booster.predict(features), np.float64)
