"""Which rows a recipe learns from, looks at meanwhile, and is judged on."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dataset.split import split_by_time
from model.errors import TrainingError
from model.recipes.recipe import Recipe
from model.serving.backend import installed

if TYPE_CHECKING:
    import pandas as pd

TEST_SHARE = 0.2
"""Of all recipes: a fifth of the rows judges."""


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """Places of rows, in rising order.

    Attributes:
        learned: from.
        validation: looked at after each epoch; none of them is learned from.
        test: judged on. The same as `validation` where the recipe sets nothing apart for it.
    """

    learned: NDArray[np.intp]
    validation: NDArray[np.intp]
    test: NDArray[np.intp]


def split(
    frame: "pd.DataFrame", recipe: Recipe, weights: NDArray[np.float64] | None, seed: int
) -> Parts:
    """Split rows as the recipe's author did.

    Args:
        frame: rows as `dataset.reader.read` gives them.
        recipe: says how.
        weights: how many transactions each row stands for, [rows]; None for one each.
        seed: of a drawing for which the recipe has none of its own.

    Raises:
        TrainingError: a part would hold no fraud, or nothing but frauds.
    """
    if len(frame) < 2:  # noqa: PLR2004 - one row to learn from and one to judge by
        raise TrainingError(f"{len(frame)} rows are too few to train on.")
    if recipe.test == "later":
        places = np.arange(len(frame))
        kept = len(split_by_time(frame, TEST_SHARE, weights)[0])
        learned, test = places[:kept], places[kept:]
    else:
        drawn = seed if recipe.split_seed is None else recipe.split_seed
        learned, test = at_random(frame, drawn, stratified=recipe.test == "stratified")
    parts = Parts(learned, test, test)
    if recipe.validation_share:
        parts = _with_validation(frame, learned, test, recipe, seed)
    for name, part in (("learned", parts.learned), ("held out", parts.test)):
        frauds = int(frame["Class"].to_numpy()[part].sum())
        if not 0 < frauds < len(part):
            raise TrainingError(
                f"Of the {len(frame):,} rows, the {len(part):,} that are {name} hold {frauds:,} "
                "frauds; training needs frauds and legitimate transactions among both: give it "
                "more rows."
            )
    return parts


def at_random(
    frame: "pd.DataFrame", seed: int, *, share: float = TEST_SHARE, stratified: bool = False
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the places of the rows kept and of those drawn, as scikit-learn draws them.

    So that a split with an author's seed has the author's rows.

    Raises:
        TrainingError: it cannot be drawn from so few rows or frauds.
    """
    selection = installed("sklearn.model_selection")
    try:
        kept, drawn = selection.train_test_split(
            np.arange(len(frame)),
            test_size=share,
            random_state=seed,
            stratify=frame["Class"] if stratified else None,
        )
    except ValueError as error:
        raise TrainingError(f"{len(frame):,} rows cannot be split at random: {error}") from error
    return np.sort(kept), np.sort(drawn)


def _with_validation(
    frame: "pd.DataFrame",
    learned: NDArray[np.intp],
    test: NDArray[np.intp],
    recipe: Recipe,
    seed: int,
) -> Parts:
    kept, drawn = at_random(frame.iloc[learned], seed, share=recipe.validation_share)
    return Parts(learned[kept], learned[drawn], test)
