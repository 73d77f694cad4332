"""Every recipe: the shape of its network, and its artifact, which scores as the network does."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from model.artifact.save import save
from model.labelled import Labelled
from model.recipes import RECIPES
from model.recipes.recipe import Recipe
from model.serving.backend import compiled
from model.serving.scorer import Scorer
from model.training import network
from model.training.train import Trained

# Keras 3.15 converts its variables in a way that numpy 2 warns about, whenever it saves.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

every = pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)


def test_the_champion_is_the_first() -> None:
    assert next(iter(RECIPES)) == "champion"


@pytest.mark.parametrize(
    ("name", "weights"),
    [
        # 29 x 128 + 128, and 128 + 1.
        ("prosise", 3_969),
        # 29 x 16 + 16, and 16 + 1.
        ("tensorflow-baseline", 497),
        ("tensorflow-weighted", 497),
        ("tensorflow-oversampled", 497),
        ("keras-imbalanced", 139_777),  # as its author's summary says
    ],
)
def test_networks_have_their_authors_shape(name: str, weights: int, rows: Labelled) -> None:
    built = network.build(RECIPES[name], rows)
    assert sum(int(np.prod(weight.shape)) for weight in built.trainable_weights) == weights


@every
def test_the_initial_score_is_the_share_of_frauds_or_a_half(recipe: Recipe, rows: Labelled) -> None:
    built = network.build(recipe, rows)
    *_, bias = built.get_weights()
    assert 1 / (1 + np.exp(-bias[0])) == pytest.approx(0.05 if recipe.true_bias else 0.5)


@every
def test_a_saved_network_scores_as_the_trained_one(
    recipe: Recipe,
    by_recipe: Callable[[str], Trained],
    raw: NDArray[np.float32],
    tmp_path: Path,
) -> None:
    trained = by_recipe(recipe.name)
    folder = tmp_path / recipe.name
    save(folder, trained.network, trained.metadata)
    scores = Scorer.load(folder)(raw)
    assert np.abs(scores - compiled(trained.network)(raw)).max() <= 1e-6
    assert trained.metadata.recipe == recipe.name
    first = trained.metadata.history[0]
    assert {"loss", "roc_auc", "val_loss", "val_true_positives"} <= first.keys()
    assert recipe.summary in (folder / "README.md").read_text()


@every
def test_published_counts_are_of_one_test_set(recipe: Recipe) -> None:
    """Each fifth has 56,961 or 56,962 rows, with 75 to 105 frauds."""
    for published in recipe.published:
        counts = (
            published.true_positives,
            published.false_positives,
            published.true_negatives,
            published.false_negatives,
        )
        if None not in counts:
            assert sum(count or 0 for count in counts) in {56_961, 56_962}
            flagged, missed = published.true_positives or 0, published.false_negatives or 0
            assert 75 <= flagged + missed <= 105
