"""Split rows as a recipe does: for training, for validation after each epoch, for the test."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dataset.split import boundary
from model.errors import TrainingError
from model.labelled import Labelled
from model.recipes.recipe import Recipe
from model.serving.backend import installed

TEST_SHARE = 0.2
"""All recipes hold out a fifth of the rows."""


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Row numbers, ascending.

    Attributes:
        train: rows that the network is fitted to.
        validation: rows evaluated after each epoch; none of them is in `train`.
        test: held-out rows. The same as `validation` where the recipe sets none apart for it.
    """

    train: NDArray[np.intp]
    validation: NDArray[np.intp]
    test: NDArray[np.intp]


def split(rows: Labelled, recipe: Recipe, seed: int) -> Split:
    """Split rows as the recipe's author did.

    Args:
        rows: to split.
        recipe: says how.
        seed: of a random split for which the recipe has no seed of its own.

    Raises:
        TrainingError: a part would hold no fraud, or nothing but frauds.
    """
    if len(rows) < 2:  # noqa: PLR2004 - one row to train on and one for the test
        raise TrainingError(f"{len(rows)} rows are too few to train on.")
    if recipe.test == "later":
        numbers = np.arange(len(rows))
        kept = boundary(len(rows), TEST_SHARE, rows.weights)
        train, test = numbers[:kept], numbers[kept:]
    else:
        split_seed = seed if recipe.split_seed is None else recipe.split_seed
        train, test = at_random(rows, split_seed, stratified=recipe.test == "stratified")
    validation = test
    if recipe.validation_share:
        kept_rows, drawn = at_random(rows.take(train), seed, share=recipe.validation_share)
        train, validation = train[kept_rows], train[drawn]
    for name, part in (("trained on", train), ("held out", test)):
        frauds = int(rows.labels[part].sum())
        if not 0 < frauds < len(part):
            raise TrainingError(
                f"Of the {len(rows):,} rows, the {len(part):,} that are {name} hold {frauds:,} "
                "frauds; training needs frauds and legitimate transactions in both parts: provide "
                "more rows."
            )
    return Split(train, validation, test)


def at_random(
    rows: Labelled, seed: int, *, share: float = TEST_SHARE, stratified: bool = False
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the numbers of the rows kept and of those drawn, as scikit-learn draws them.

    So a split with an author's seed holds out the author's rows.

    Raises:
        TrainingError: there are too few rows or frauds.
    """
    selection = installed("sklearn.model_selection")
    try:
        kept, drawn = selection.train_test_split(
            np.arange(len(rows)),
            test_size=share,
            random_state=seed,
            stratify=rows.labels if stratified else None,
        )
    except ValueError as error:
        raise TrainingError(f"{len(rows):,} rows cannot be split at random: {error}") from error
    return np.sort(kept), np.sort(drawn)
