from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from model.labelled import Labelled
from model.recipes import RECIPES
from model.training.fit import _balanced, _Examples, class_weights, fit
from model.training.train import ignore

BASELINE = RECIPES["tensorflow-baseline"]


def test_rows_are_repeated_as_often_as_they_stand_for_transactions(rows: Labelled) -> None:
    weights = np.full(3000, 4.4)
    weights[:3] = [1.0, 0.2, 2.5]
    examples = _Examples.of(replace(rows, weights=weights))
    # Rounded, at least once; the weight holds the remainder.
    assert len(examples.labels) == 1 + 1 + 2 + 4 * 2997
    assert examples.weights[:4].tolist() == pytest.approx([1.0, 0.2, 1.25, 1.25])
    assert examples.weights.sum() == pytest.approx(weights.sum(), rel=1e-5)
    assert (examples.features[2] == examples.features[3]).all()


def test_class_weights_are_their_authors_formulas() -> None:
    # The tutorial's numbers: 284,807 transactions, 492 frauds, 0.50 and 289.44.
    labels = np.array([0, 1], np.float32)
    file = Labelled(np.zeros((2, 30)), labels, np.array([284_315.0, 492.0]))
    balanced = class_weights(RECIPES["tensorflow-weighted"], file)
    assert balanced.tolist() == pytest.approx([0.50, 289.44], abs=0.005)
    inverse = class_weights(RECIPES["keras-imbalanced"], file)
    assert inverse.tolist() == pytest.approx([1 / 284_315, 1 / 492])
    assert class_weights(BASELINE, file).tolist() == [1, 1]


def test_balanced_batches_are_half_frauds_and_use_every_row(rows: Labelled) -> None:
    examples = _Examples.of(rows)
    batches = list(islice(_balanced(examples, 500, np.random.default_rng(1)), 20))
    labels = np.concatenate([labels for _, labels, _ in batches])
    assert labels.mean() == pytest.approx(0.5, abs=0.02)
    seen = np.unique(np.concatenate([features[:, 1] for features, _, _ in batches]))
    assert len(seen) == 3000  # 5,000 legitimate drawn, of 2,850, in turn


def test_early_stopping_keeps_the_best_epoch(rows: Labelled) -> None:
    # The learning rate is so high that it overshoots.
    hasty = replace(BASELINE, learning_rate=0.5, patience=1, epochs=40)
    fitted = fit(hasty, rows, rows, seed=1, progress=ignore)
    areas = [epoch["val_roc_auc"] for epoch in fitted.history]
    assert len(areas) < 40
    assert int(np.argmax(areas)) == len(areas) - 2


def test_the_given_epochs_are_the_maximum(rows: Labelled) -> None:
    reported: list[int] = []
    fitted = fit(BASELINE, rows, rows, seed=1, epochs=3, progress=reported.append)
    assert len(fitted.history) == 3
    assert reported == [1, 1, 1]
