from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from model.labelled import Labelled
from model.plots import initial_bias
from model.recipes import RECIPES
from model.training.fit import Fitted, fit
from model.training.train import ignore

BASELINE = RECIPES["tensorflow-baseline"]


def test_published_recipes_with_a_careful_bias_have_the_plot() -> None:
    names = {name for name, recipe in RECIPES.items() if initial_bias.has_plot(recipe)}
    assert names == {"tensorflow-baseline", "tensorflow-weighted"}
    assert initial_bias.trained_epochs(BASELINE) == 40
    assert initial_bias.trained_epochs(RECIPES["champion"]) == 0


def test_both_begin_with_the_same_weights_but_for_the_bias(
    rows: Labelled, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[Any] = []

    def keep(*arguments: Any, **options: Any) -> Fitted:
        fitted = fit(*arguments, **options)
        kept.append(fitted.network)
        return fitted

    monkeypatch.setattr(initial_bias, "fit", keep)
    monkeypatch.setattr(initial_bias, "EPOCHS", 1)
    still = replace(BASELINE, learning_rate=0.0)  # the final weights are the initial ones
    initial_bias.losses(still, rows, seed=1, progress=ignore)
    zero, careful = (network.get_weights() for network in kept)
    assert len(zero) == len(careful)
    for ours, theirs in zip(zero[:-1], careful[:-1], strict=True):
        assert np.array_equal(ours, theirs)
    assert zero[-1][0] == 0
    assert 1 / (1 + np.exp(-careful[-1][0])) == pytest.approx(0.05, abs=0.01)


def test_a_careful_bias_begins_with_a_lower_loss(
    rows: Labelled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(initial_bias, "EPOCHS", 2)
    reported: list[int] = []
    histories = initial_bias.losses(BASELINE, rows, seed=1, progress=reported.append)
    assert len(reported) == initial_bias.trained_epochs(BASELINE)
    assert histories["careful bias"][0]["val_loss"] < histories["zero bias"][0]["val_loss"]


def test_nothing_stops_early(rows: Labelled, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(initial_bias, "EPOCHS", 4)
    hopeless = replace(BASELINE, patience=1, learning_rate=0.0)
    histories = initial_bias.losses(hopeless, rows, seed=1, progress=ignore)
    assert [len(history) for history in histories.values()] == [4, 4]
