"""Loss with zero and with careful bias: whether a first score of the true share helps.

As in TensorFlow's tutorial "Classification on imbalanced data".
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from model.plots.gallery import Picture
from model.plots.style import BLUE, ORANGE, logarithmic
from model.recipes.recipe import Recipe
from model.training.fit import Epoch, fit
from model.training.rows import Rows
from model.training.split import split

if TYPE_CHECKING:
    import pandas as pd

EPOCHS = 20
"""As many as in the tutorial's picture."""

Losses = Mapping[str, Sequence[Epoch]]
"""The epochs of "zero bias" and of "careful bias"."""


def has_picture(recipe: Recipe) -> bool:
    """Return whether the recipe's author begins with a careful bias."""
    return recipe.true_bias and bool(recipe.published)


def trained_epochs(recipe: Recipe) -> int:
    """Return how many epochs the recipe's picture takes; 0 where it has none."""
    return 2 * EPOCHS if has_picture(recipe) else 0


def losses(
    recipe: Recipe,
    frame: "pd.DataFrame",
    weights: NDArray[np.float64],
    *,
    seed: int,
    progress: Callable[[int], None],
) -> Losses:
    """Train the recipe with each bias, from the same other weights, without early stopping.

    Args:
        recipe: trained `EPOCHS` epochs.
        frame: rows as `dataset.reader.read` gives them, split as the recipe says.
        weights: how many transactions each row stands for, [rows].
        seed: of all randomness, the same for both.
        progress: called with 1 after each epoch.
    """
    parts = split(frame, recipe, weights, seed)
    learned, validation = (
        Rows.of(frame.iloc[part], weights[part]) for part in (parts.learned, parts.validation)
    )
    return {
        name: fit(
            replace(recipe, true_bias=careful, patience=None, epochs=EPOCHS),
            learned,
            validation,
            seed=seed,
            progress=progress,
        ).history
        for name, careful in (("zero bias", False), ("careful bias", True))
    }


def picture(histories: Losses) -> Picture:
    """Return the picture of both losses after each epoch."""
    return Picture(
        "bias",
        "Loss after each epoch, from the same weights, where the untrained score is one half (zero "
        "bias) and where it is the share of frauds (careful bias); in training, classes are "
        "weighted as the recipe says.",
        8.0,
        4.4,
        lambda figure: _draw(figure, histories),
    )


def _draw(figure: Any, histories: Losses) -> None:
    axes = figure.subplots()
    for (name, history), colour in zip(histories.items(), (BLUE, ORANGE), strict=True):
        epochs = np.arange(1, len(history) + 1)
        for key, rows, line in (("loss", "training", "-"), ("val_loss", "validation", "--")):
            values = [epoch[key] for epoch in history]
            axes.plot(epochs, values, line, color=colour, label=f"{name}, {rows}")
    axes.set(
        title="Loss with zero and with careful bias", xlabel="epoch", ylabel="binary cross-entropy"
    )
    axes.xaxis.get_major_locator().set_params(integer=True)
    logarithmic(axes)
    axes.legend()
