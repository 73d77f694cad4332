"""`fraudstream recipes` and `compare`: the list, and a comparison on a few rows."""

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner

from fraudstream.commands import compare, recipes, train
from model.artifact.load import load_metadata
from model.artifact.metadata import DataSource
from model.labelled import Labelled
from model.plots import plot
from model.recipes import RECIPES
from model.training import train as training
from model.training.plan import TrainingPlan
from model.training.train import Trained
from tests.support import made_up

# Keras 3.15 converts its variables in a way that numpy 2 warns about, whenever it saves.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("compare") / "data.csv"
    made_up.transactions(600, every=10).to_csv(path, index=False)
    return path


@pytest.fixture(scope="module", autouse=True)
def each_plan_is_trained_once(data: Path) -> Iterator[None]:
    """Neither training nor drawing is tested here; all commands train on `data`."""
    labelled: list[Labelled] = []
    genuine = training.train

    @cache
    def trained(plan: TrainingPlan, source: DataSource) -> Trained:
        return genuine(labelled[-1], plan, source=source)

    def train_once(rows: Labelled, plan: TrainingPlan, *, source: DataSource) -> Trained:
        labelled.append(rows)
        return trained(plan, source)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "train", train_once)
        patch.setattr(plot, "render", lambda *_arguments, **_options: b"image")
        yield


@pytest.fixture
def short_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """Train each recipe for two epochs: these tests are about what is done with the networks."""
    for name in ("champion", "prosise"):
        monkeypatch.setitem(RECIPES, name, replace(RECIPES[name], epochs=2))


def test_every_recipe_is_listed_with_its_source() -> None:
    listed = CliRunner().invoke(recipes.command).output
    for name, recipe in RECIPES.items():
        assert f"\n{name} " in f"\n{listed}"
        assert recipe.summary in listed
        assert recipe.source in listed


@pytest.mark.usefixtures("short_training")
def test_a_comparison_has_a_line_for_each_published_figure(data: Path) -> None:
    given = ["--data", str(data), "--recipe", "prosise", "--seeds", "2"]
    table = CliRunner().invoke(compare.command, given)
    assert table.exit_code == 0, table.exception
    lines = table.output.splitlines()
    assert lines[0].split()[:2] == ["recipe", "published"]
    assert [line.split("  ")[0] for line in lines[1:]] == ["prosise"] * 3
    output = CliRunner().invoke(compare.command, [*given, "--json"]).output
    comparisons = [json.loads(line) for line in output.splitlines()]
    assert [comparison["figure"] for comparison in comparisons] == [
        "recall",
        "false alarms",
        "accuracy",
    ]
    for comparison in comparisons:
        assert comparison["lowest"] <= comparison["measured"] <= comparison["highest"]
        assert comparison["verdict"] in {"as published", "higher", "lower"}


@pytest.mark.usefixtures("short_training")
def test_the_first_network_of_each_recipe_is_kept(data: Path, tmp_path: Path) -> None:
    names = ("champion", "prosise")
    chosen = [argument for name in names for argument in ("--recipe", name)]
    given = ["--data", str(data), "--seeds", "2", "--models", str(tmp_path), *chosen]
    result = CliRunner().invoke(compare.command, given)
    assert result.exit_code == 0, result.exception
    assert [line.split("  ")[0] for line in result.output.splitlines()[1:]] == ["prosise"] * 3
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)
    for name in names:
        metadata = load_metadata(tmp_path / name)
        assert (metadata.recipe, metadata.seed, metadata.source.name) == (name, 1, "data.csv")
        assert metadata.source.synthetic is None
        assert (tmp_path / name / "pictures" / "precision-recall-dark.png").exists()


def test_an_unknown_recipe_is_an_error_that_lists_the_recipes() -> None:
    result = CliRunner().invoke(train.command, ["--recipe", "secret"])
    assert result.exit_code == 2
    assert "There is no recipe 'secret'; choose champion, prosise" in result.output
