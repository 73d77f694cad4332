"""Several recipes beside each other: which pictures are whose, and where they are put."""

import re
from pathlib import Path

import pandas as pd
import pytest

from model.artifact.metadata import DataSource
from model.errors import ArtifactError
from model.recipes import RECIPES
from model.side_by_side import check_lineup, joint_pictures, save_lineup
from model.training.train import Trained, train

# Keras 3.15 converts its variables in a way that numpy 2 warns about, whenever it saves.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module")
def lineup(trained: Trained, transactions: pd.DataFrame) -> list[Trained]:
    """Two recipes that are judged on the same rows, and two of one write-up."""
    names = ("keras-imbalanced", "tensorflow-weighted", "tensorflow-oversampled")
    source = DataSource(name="made up for tests")
    return [
        trained,
        *(train(transactions, source=source, recipe=RECIPES[name], epochs=1) for name in names),
    ]


def test_a_write_ups_recipes_share_a_roc_and_all_share_precision(lineup: list[Trained]) -> None:
    joint = joint_pictures(lineup)
    assert {name: [it.name for it in drawn] for name, drawn in joint.items()} == {
        "champion": ["precision-recall"],
        "keras-imbalanced": ["precision-recall"],
        "tensorflow-weighted": ["roc", "precision-recall"],
        "tensorflow-oversampled": ["roc", "precision-recall"],
    }
    assert not joint_pictures(lineup[:1])["champion"]


def test_each_artifact_has_its_own_pictures_and_the_joint_ones(
    lineup: list[Trained], transactions: pd.DataFrame, tmp_path: Path
) -> None:
    told: list[int] = []
    save_lineup(tmp_path, lineup, transactions, progress=told.append)
    assert told == [1] * 4
    for trained in lineup:
        folder = tmp_path / trained.metadata.recipe
        files = sorted(str(it.relative_to(folder)) for it in (folder / "pictures").iterdir())
        shown = re.findall(r"pictures/[\w-]+\.png", (folder / "README.md").read_text())
        assert sorted(shown) == files
        names = {re.sub(r"pictures/(.*)-(light|dark)\.png", r"\1", it) for it in files}
        assert ("bias" in names) == (trained.metadata.recipe == "tensorflow-weighted")
        assert {"operating-curve", "precision-recall"} <= names


def test_a_place_that_is_taken_is_told_before_training(tmp_path: Path) -> None:
    (tmp_path / "prosise").mkdir()
    (tmp_path / "prosise" / "thesis.tex").write_text("years of work")
    check_lineup(tmp_path, [RECIPES["champion"]])
    with pytest.raises(ArtifactError, match=r"holds thesis\.tex"):
        check_lineup(tmp_path, [RECIPES["champion"], RECIPES["prosise"]])
