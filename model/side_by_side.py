"""Several recipes' networks side by side: an artifact each, with joint pictures in its card."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from model.artifact import save as artifact
from model.plots.gallery import Picture, Rendered, rendered
from model.plots.panels import precision_recall_curves, roc_curves
from model.recipes import RECIPES
from model.recipes.recipe import Recipe
from model.serving.backend import installed
from model.training.train import Trained, ignore, pictures_of

if TYPE_CHECKING:
    import pandas as pd


def check_lineup(folder: Path, recipes: Sequence[Recipe]) -> None:
    """Refuse a folder for artifacts before any time is spent on training.

    Raises:
        MissingExtraError: matplotlib is not installed.
        ArtifactError: an artifact cannot go there.
    """
    installed("matplotlib")
    for recipe in recipes:
        artifact.check_replaceable(folder / recipe.name)


def save_lineup(
    folder: Path,
    lineup: Sequence[Trained],
    frame: "pd.DataFrame",
    *,
    weights: NDArray[np.float64] | None = None,
    progress: Callable[[int], None] = ignore,
) -> None:
    """Write each network's artifact to FOLDER/RECIPE, with its own pictures and the joint ones.

    Args:
        folder: of the artifacts.
        lineup: one network of each recipe.
        frame: all rows, as `dataset.reader.read` gives them.
        weights: how many transactions each row stands for, [rows]; None for one each.
        progress: called with 1 after each artifact.

    Raises:
        MissingExtraError: matplotlib is not installed.
        ArtifactError: a folder cannot be written, or holds something else.
    """
    joint = joint_pictures(lineup)
    for trained in lineup:
        recipe = trained.metadata.recipe
        own = rendered(pictures_of(trained, frame, weights=weights))
        artifact.save(folder / recipe, trained.network, trained.metadata, [*own, *joint[recipe]])
        progress(1)


def joint_pictures(lineup: Sequence[Trained]) -> Mapping[str, list[Rendered]]:
    """Return each recipe's joint pictures: ROC with those of its write-up, precision with all.

    A network that has nobody beside it has none.
    """
    of_source: dict[str, list[Trained]] = defaultdict(list)
    for trained in lineup:
        of_source[RECIPES[trained.metadata.recipe].source].append(trained)
    found: dict[str, list[Rendered]] = defaultdict(list)
    for members, picture in (*((it, _roc) for it in of_source.values()), (lineup, _precision)):
        if len(members) > 1:
            drawn = rendered([picture(members)])
            for member in members:
                found[member.metadata.recipe] += drawn
    return found


def _roc(members: Sequence[Trained]) -> Picture:
    judged = {
        f"{it.metadata.recipe}: {it.metadata.held_out.roc_auc:.3f}": it.judged for it in members
    }
    return Picture(
        "roc",
        "ROC of the recipes of this write-up, on the transactions held out from each.",
        8.0,
        5.6,
        roc_curves(judged),
    )


def _precision(members: Sequence[Trained]) -> Picture:
    judged = {
        f"{it.metadata.recipe}: {it.metadata.held_out.average_precision:.3f}": it.judged
        for it in members
    }
    return Picture(
        "precision-recall",
        "Precision over recall of several recipes, on the transactions held out from each, which "
        "are not the same ones.",
        8.0,
        6.0,
        precision_recall_curves(judged),
    )
