"""`fraudstream recipes` and `compare`: what there is, and a comparison on a few rows."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from fraudstream.commands import compare, recipes, train
from model.artifact.save import load_metadata
from model.recipes import RECIPES
from tests.support import made_up

# Keras 3.15 converts its variables in a way that numpy 2 warns about, whenever it saves.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("compare") / "data.csv"
    made_up.transactions(600, every=10).to_csv(path, index=False)
    return path


@pytest.fixture
def short_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """Train each recipe for two epochs: these tests are about what is done with the networks."""
    for name in ("champion", "prosise"):
        monkeypatch.setitem(RECIPES, name, replace(RECIPES[name], epochs=2))


def test_every_recipe_is_listed_with_its_author() -> None:
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
    found = [
        json.loads(it)
        for it in CliRunner().invoke(compare.command, [*given, "--json"]).output.splitlines()
    ]
    assert [it["figure"] for it in found] == ["recall", "false alarms", "accuracy"]
    for it in found:
        assert it["lowest"] <= it["measured"] <= it["highest"]
        assert it["verdict"] in {"as published", "higher", "lower"}


@pytest.mark.usefixtures("short_training")
def test_the_first_network_of_each_recipe_is_kept(data: Path, tmp_path: Path) -> None:
    names = ("champion", "prosise")
    chosen = [it for name in names for it in ("--recipe", name)]
    given = ["--data", str(data), "--seeds", "2", "--models", str(tmp_path), *chosen]
    result = CliRunner().invoke(compare.command, given)
    assert result.exit_code == 0, result.exception
    assert [line.split("  ")[0] for line in result.output.splitlines()[1:]] == ["prosise"] * 3
    assert sorted(it.name for it in tmp_path.iterdir()) == sorted(names)
    for name in names:
        metadata = load_metadata(tmp_path / name)
        assert (metadata.recipe, metadata.seed, metadata.source.name) == (name, 1, "data.csv")
        assert metadata.source.synthetic is None
        assert (tmp_path / name / "pictures" / "precision-recall-dark.png").exists()


def test_an_unknown_recipe_is_told_with_what_there_is() -> None:
    result = CliRunner().invoke(train.command, ["--recipe", "secret"])
    assert result.exit_code == 2
    assert "There is no recipe 'secret'; choose champion, prosise" in result.output
