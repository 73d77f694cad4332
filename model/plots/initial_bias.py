"""Loss with a zero initial bias and with one that gives the share of frauds.

As in TensorFlow's tutorial "Classification on imbalanced data".
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from model.labelled import Labelled
from model.plots.plot import Plot
from model.plots.style import BLUE, ORANGE, logarithmic
from model.recipes.recipe import Recipe
from model.training.fit import Epoch, fit
from model.training.split import split

EPOCHS = 20
"""As many as in the tutorial's plot."""

Losses = Mapping[str, Sequence[Epoch]]
"""The epochs with "zero bias" and with "careful bias"."""


def has_plot(recipe: Recipe) -> bool:
    """Return whether the recipe's author begins with the bias of the share of frauds."""
    return recipe.true_bias and bool(recipe.published)


def trained_epochs(recipe: Recipe) -> int:
    """Return the number of epochs trained for the recipe's plot; 0 where it has none."""
    return 2 * EPOCHS if has_plot(recipe) else 0


def losses(recipe: Recipe, rows: Labelled, *, seed: int, progress: Callable[[int], None]) -> Losses:
    """Train the recipe with each bias, from the same other weights, without early stopping.

    Args:
        recipe: trained for `EPOCHS` epochs.
        rows: split as the recipe says.
        seed: of all randomness, the same for both.
        progress: called with 1 after each epoch.
    """
    parts = split(rows, recipe, seed)
    train, validation = rows.take(parts.train), rows.take(parts.validation)
    return {
        name: fit(
            replace(recipe, true_bias=careful, patience=None, epochs=EPOCHS),
            train,
            validation,
            seed=seed,
            progress=progress,
        ).history
        for name, careful in (("zero bias", False), ("careful bias", True))
    }


def plot(histories: Losses) -> Plot:
    """Return the plot of both losses after each epoch."""
    return Plot(
        "bias",
        "Loss after each epoch, from the same weights, with an untrained score of one half (zero "
        "bias) and of the share of frauds (careful bias); in training, classes are weighted as the "
        "recipe says.",
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
