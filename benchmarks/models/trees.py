"""What our network is compared with: LightGBM's boosted trees."""

from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness.errors import BenchmarkError
from model.training.rows import Rows

# Chosen by the mean average precision on the very folds that judge it, which favours it.
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
    """Refuse to begin what could not be ended.

    Raises:
        BenchmarkError: LightGBM is not installed.
    """
    if find_spec("lightgbm") is None:
        raise BenchmarkError(
            "LightGBM, which the network is compared with, is missing; install it with: "
            "pip install 'lightgbm>=4.5'"
        )


def scores(
    settings: dict[str, Any], rows: Rows, judging: NDArray[np.float64], seed: int
) -> NDArray[np.float64]:
    """Return the scores, [n], of raw features, [n, 30], by trees that learned from the rows.

    It computes in one thread, so that the same seed gives the same trees.
    """
    from lightgbm import LGBMClassifier

    trees = LGBMClassifier(**settings, random_state=seed, n_jobs=1, verbose=-1)
    # The booster, since scikit-learn warns of names that LightGBM makes up for an array's columns.
    booster = trees.fit(rows.features, rows.labels, sample_weight=rows.weights).booster_
    return np.asarray(booster.predict(judging), np.float64)
