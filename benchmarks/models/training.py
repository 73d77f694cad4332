"""Train a recipe, or trees, on some rows of a file and score others."""

from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness.errors import BenchmarkError
from benchmarks.models import trees
from benchmarks.models.variants import VARIANTS
from dataset.reader import read
from dataset.split import LATER_SHARES, boundary
from dataset.weights import read_weights
from model.labelled import Labelled
from model.recipes import RECIPES
from model.recipes.recipe import Recipe
from model.serving.backend import compiled, use_device
from model.training.fit import fit
from model.training.split import at_random
from model.training.train import ignore


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file of transactions, and one of their weights; None for a weight of 1 each."""

    data: Path
    weights: Path | None


@cache
def all_rows(file: DataFile) -> Labelled:
    """Return all rows; each process reads them once."""
    frame = read(file.data)
    return Labelled.of(frame, read_weights(file.weights, len(frame)) if file.weights else None)


def folds(file: DataFile) -> list[tuple[Labelled, Labelled]]:
    """Return the rows to train on and the fifth after them, which tests, for each fold.

    The first 40, 60 and 80 % of the transactions are trained on. No row tests twice.

    Raises:
        BenchmarkError: a part lacks frauds or legitimate transactions.
    """
    rows = all_rows(file)
    borders = [boundary(len(rows), share, rows.weights) for share in LATER_SHARES]
    parts = [
        (rows.take(slice(begin)), rows.take(slice(begin, end)))
        for begin, end in pairwise([*borders, len(rows)])
    ]
    if any(len(np.unique(part.labels)) < 2 for fold in parts for part in fold):  # noqa: PLR2004
        raise BenchmarkError(
            f"{file.data} has too few frauds, or legitimate rows, for {len(parts)} folds."
        )
    return parts


def train_and_score(
    model: str, earlier: Labelled, test: Labelled, seed: int
) -> NDArray[np.floating]:
    """Return the scores, [n], of the test rows by a recipe, a variant or trees."""
    if model in trees.TREES:
        return trees.scores(trees.TREES[model], earlier, test.features, seed)
    recipe = (RECIPES | VARIANTS)[model]
    train, validation = held_out(recipe, earlier, seed)
    use_device("auto")
    fitted = fit(recipe, train, validation, seed=seed, progress=ignore)
    return compiled(fitted.network)(test.inputs)


def held_out(recipe: Recipe, earlier: Labelled, seed: int) -> tuple[Labelled, Labelled | None]:
    """Return the rows to train on, and validation rows where the recipe stops early."""
    if recipe.patience is None:
        return earlier, None
    kept, drawn = at_random(earlier, seed, share=recipe.validation_share)
    return earlier.take(kept), earlier.take(drawn)
