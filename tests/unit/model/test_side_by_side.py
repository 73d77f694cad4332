"""Networks of several recipes: the plots that compare them, and their artifacts."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from model.artifact.files import PLOTS
from model.errors import ArtifactError
from model.labelled import Labelled
from model.plots import initial_bias, plot
from model.recipes import RECIPES
from model.side_by_side import check_folder, comparing_plots, save_all
from model.training.train import Trained

# Keras 3.15 converts its variables in a way that numpy 2 warns about, whenever it saves.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module")
def networks(by_recipe: Callable[[str], Trained]) -> list[Trained]:
    """Two recipes with the same held-out rows, and two of one write-up."""
    names = ("champion", "keras-imbalanced", "tensorflow-weighted", "tensorflow-oversampled")
    return [by_recipe(name) for name in names]


def test_recipes_of_a_write_up_share_a_roc_and_all_share_precision(networks: list[Trained]) -> None:
    comparing = comparing_plots(networks)
    assert {name: [plot.name for plot in plots] for name, plots in comparing.items()} == {
        "champion": ["precision-recall"],
        "keras-imbalanced": ["precision-recall"],
        "tensorflow-weighted": ["roc", "precision-recall"],
        "tensorflow-oversampled": ["roc", "precision-recall"],
    }
    assert not comparing_plots(networks[:1])["champion"]


def test_each_artifact_has_its_own_plots_and_the_comparing_ones(
    networks: list[Trained], rows: Labelled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plot, "render", lambda *_arguments, **_options: b"image")
    monkeypatch.setattr(initial_bias, "EPOCHS", 1)
    reported: list[int] = []
    save_all(tmp_path, networks, rows, progress=reported.append)
    assert reported == [1] * 4
    for trained in networks:
        folder = tmp_path / trained.metadata.recipe
        files = sorted(str(path.relative_to(folder)) for path in (folder / PLOTS).iterdir())
        shown = re.findall(r"pictures/[\w-]+\.png", (folder / "README.md").read_text())
        assert sorted(shown) == files
        names = {re.sub(r"pictures/(.*)-(light|dark)\.png", r"\1", name) for name in files}
        assert ("bias" in names) == (trained.metadata.recipe == "tensorflow-weighted")
        assert {"operating-curve", "precision-recall"} <= names


def test_a_folder_with_other_files_is_rejected_before_training(tmp_path: Path) -> None:
    (tmp_path / "prosise").mkdir()
    (tmp_path / "prosise" / "thesis.tex").write_text("years of work")
    check_folder(tmp_path, [RECIPES["champion"]])
    with pytest.raises(ArtifactError, match=r"holds thesis\.tex"):
        check_folder(tmp_path, [RECIPES["champion"], RECIPES["prosise"]])
