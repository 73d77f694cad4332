"""Train a recipe, or trees, on some rows of a file and score others."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness.errors import BenchmarkError
from benchmarks.models import trees
from benchmarks.models.variants import VARIANTS
from dataset import split
from dataset.columns import FEATURES
from dataset.reader import read
from dataset.weights import read_weights
from model.recipes import RECIPES
from model.recipes.recipe import Recipe
from model.serving.backend import compiled, use_device
from model.training.fit import fit
from model.training.rows import Rows
from model.training.split import at_random
from model.training.train import ignore

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class File:
    """Where the rows are; weights None for one each."""

    data: Path
    weights: Path | None


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Rows of a file, with how many transactions each stands for."""

    frame: "pd.DataFrame"
    weights: NDArray[np.float64]

    def at(self, places: NDArray[np.intp] | slice) -> "Part":
        """Return those of the rows."""
        return Part(self.frame.iloc[places], self.weights[places])

    def rows(self) -> Rows:
        """Return the rows as arrays."""
        return Rows.of(self.frame, self.weights)


@cache
def whole(file: File) -> Part:
    """Return all rows; each process reads them once."""
    frame = read(file.data)
    if file.weights is None:
        return Part(frame, np.ones(len(frame)))
    return Part(frame, read_weights(file.weights, len(frame)))


def folds(file: File) -> list[tuple[Part, Part]]:
    """Return what is learned from and what judges, for each fold.

    Raises:
        BenchmarkError: a part lacks frauds or legitimate transactions.
    """
    rows, parts = whole(file), []
    for earlier, judging in split.folds(rows.frame, rows.weights):
        begin, end = len(earlier), len(earlier) + len(judging)
        parts.append((rows.at(slice(begin)), rows.at(slice(begin, end))))
    if any(part.frame["Class"].nunique() < 2 for fold in parts for part in fold):  # noqa: PLR2004
        raise BenchmarkError(
            f"{file.data} has too few frauds, or legitimate rows, for {len(parts)} folds."
        )
    return parts


def train_and_score(model: str, earlier: Part, judging: Part, seed: int) -> NDArray[np.floating]:
    """Return the scores, [n], of rows by a recipe, a variant or trees that learned from others."""
    if model in trees.TREES:
        features = judging.rows().features
        return trees.scores(trees.TREES[model], earlier.rows(), features, seed)
    recipe = (RECIPES | VARIANTS)[model]
    learned, validation = held_out(recipe, earlier, seed)
    use_device("auto")
    fitted = fit(recipe, learned, validation, seed=seed, progress=ignore)
    return compiled(fitted.network)(judging.frame[list(FEATURES)].to_numpy(np.float32))


def held_out(recipe: Recipe, earlier: Part, seed: int) -> tuple[Rows, Rows | None]:
    """Return what is learned from, and what is set apart where the recipe stops early."""
    if recipe.patience is None:
        return earlier.rows(), None
    kept, drawn = at_random(earlier.frame, seed, share=recipe.validation_share)
    return earlier.at(kept).rows(), earlier.at(drawn).rows()
