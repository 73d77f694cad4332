from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from model.plots import initial_bias as bias
from model.recipes import RECIPES
from model.training.fit import Fitted, fit
from model.training.train import ignore

BASELINE = RECIPES["tensorflow-baseline"]


def test_published_recipes_that_begin_with_a_careful_bias_have_the_picture() -> None:
    found = {name for name, recipe in RECIPES.items() if bias.has_picture(recipe)}
    assert found == {"tensorflow-baseline", "tensorflow-weighted"}
    assert bias.trained_epochs(BASELINE) == 40
    assert bias.trained_epochs(RECIPES["champion"]) == 0


def test_both_begin_with_the_same_weights_but_for_the_bias(
    transactions: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[Any] = []

    def keep(*given: Any, **named: Any) -> Fitted:
        fitted = fit(*given, **named)
        kept.append(fitted.network)
        return fitted

    monkeypatch.setattr(bias, "fit", keep)
    monkeypatch.setattr(bias, "EPOCHS", 1)
    still = replace(BASELINE, learning_rate=0.0)  # so they are at their end what they were
    bias.losses(still, transactions, np.ones(3000), seed=1, progress=ignore)
    zero, careful = (network.get_weights() for network in kept)
    assert len(zero) == len(careful)
    for ours, theirs in zip(zero[:-1], careful[:-1], strict=True):
        assert np.array_equal(ours, theirs)
    assert zero[-1][0] == 0
    assert 1 / (1 + np.exp(-careful[-1][0])) == pytest.approx(0.05, abs=0.01)


def test_a_careful_bias_saves_the_first_epochs(transactions: pd.DataFrame) -> None:
    told: list[int] = []
    found = bias.losses(BASELINE, transactions, np.ones(3000), seed=1, progress=told.append)
    assert len(told) == bias.trained_epochs(BASELINE)
    assert found["careful bias"][0]["val_loss"] < found["zero bias"][0]["val_loss"]


def test_nothing_stops_early(transactions: pd.DataFrame) -> None:
    hopeless = replace(BASELINE, patience=1, learning_rate=0.0)
    found = bias.losses(hopeless, transactions, np.ones(3000), seed=1, progress=ignore)
    assert [len(history) for history in found.values()] == [20, 20]
