from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from model.labelled import Labelled
from model.plots import initial_bias
from model.recipes import RECIPES
from model.training.fit import Fitted, fit

BASELINE = RECIPES["tensorflow-baseline"]


def test_published_recipes_with_a_careful_bias_have_the_plot() -> None:
    names = {name for name, recipe in RECIPES.items() if initial_bias.has_plot(recipe)}
    assert names == {"tensorflow-baseline", "tensorflow-weighted"}
    assert initial_bias.trained_epochs(BASELINE) == 40
    assert initial_bias.trained_epochs(RECIPES["champion"]) == 0


@dataclass(frozen=True)
class Run:
    """Two networks that learn nothing: the final weights and losses are the initial ones."""

    losses: initial_bias.Losses
    weights: dict[str, list[NDArray[np.float32]]]
    reported: list[int]


@pytest.fixture(scope="module")
def run(rows: Labelled) -> Run:
    weights: list[list[NDArray[np.float32]]] = []
    reported: list[int] = []

    def keep(*arguments: Any, **options: Any) -> Fitted:
        fitted = fit(*arguments, **options)
        weights.append(fitted.network.get_weights())
        return fitted

    hopeless = replace(BASELINE, patience=1, learning_rate=0.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(initial_bias, "fit", keep)
        patch.setattr(initial_bias, "EPOCHS", 3)
        losses = initial_bias.losses(hopeless, rows, seed=1, progress=reported.append)
    return Run(losses, dict(zip(losses, weights, strict=True)), reported)


def test_both_begin_with_the_same_weights_but_for_the_bias(run: Run) -> None:
    zero, careful = run.weights["zero bias"], run.weights["careful bias"]
    assert len(zero) == len(careful)
    for ours, theirs in zip(zero[:-1], careful[:-1], strict=True):
        assert np.array_equal(ours, theirs)
    assert zero[-1][0] == 0
    assert 1 / (1 + np.exp(-careful[-1][0])) == pytest.approx(0.05, abs=0.01)


def test_a_careful_bias_begins_with_a_lower_loss(run: Run) -> None:
    careful, zero = run.losses["careful bias"][0], run.losses["zero bias"][0]
    assert careful["val_loss"] < zero["val_loss"]


def test_nothing_stops_early(run: Run) -> None:
    assert [len(history) for history in run.losses.values()] == [3, 3]
    assert run.reported == [1] * 6
