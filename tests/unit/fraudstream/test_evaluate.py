"""`fraudstream evaluate` on a small artifact: figures, JSON, reports, mistakes."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from dataset.reader import sha256
from fraudstream.commands.evaluate import command
from model.artifact.metadata import DataSource
from model.evaluation.threshold import Policy
from model.recipes import RECIPES
from model.training.train import train_and_save
from tests.support import made_up

# Keras 3.15 converts its variables in a way that numpy 2 warns about, whenever it saves.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

ROWS = 1000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data.csv, weights.csv, and artifacts trained on them.

    "artifact" learned from all rows, "apart" did not from the last fifth.
    """
    folder = tmp_path_factory.mktemp("evaluate")
    frame = made_up.transactions(ROWS)
    frame.to_csv(folder / "data.csv", index=False)
    weights = np.where(frame["Class"] == 1, 1.0, 30.0)
    pd.DataFrame({"weight": weights}).to_csv(folder / "weights.csv", index=False)
    source = DataSource(name="data.csv", sha256=sha256(folder / "data.csv"), synthetic=True)
    for name, refitted in (("artifact", True), ("apart", False)):
        recipe = replace(RECIPES["champion"], refitted=refitted)
        train_and_save(
            frame, folder / name, source=source, weights=weights, recipe=recipe, epochs=5
        )
    return folder


def run(folder: Path, *arguments: str) -> Result:
    given = ["--data", str(folder / "data.csv"), "--model", str(folder / "artifact")]
    return CliRunner().invoke(command, [*given, *arguments])


def test_figures_are_weighted_where_weights_are_given(folder: Path) -> None:
    plain = json.loads(run(folder, "--json").stdout)
    weighted = json.loads(run(folder, "--weights", str(folder / "weights.csv"), "--json").stdout)
    assert (plain["rows"], plain["transactions"]) == (ROWS, ROWS)
    assert weighted["transactions"] == 50 + 950 * 30
    assert weighted["recall"] == plain["recall"]
    assert weighted["false_positives"] == 30 * plain["false_positives"]
    assert weighted["average_precision"] <= plain["average_precision"]


def test_the_last_share_is_judged_alone_and_is_what_training_held_out(folder: Path) -> None:
    weights = ("--weights", str(folder / "weights.csv"))
    apart = ("--model", str(folder / "apart"))
    found = json.loads(run(folder, *weights, *apart, "--last", "0.2", "--json").stdout)
    held_out = json.loads((folder / "apart" / "metadata.json").read_text())["held_out"]
    assert len(found.pop("reliability")) == len(held_out.pop("reliability"))
    assert found == pytest.approx(held_out, rel=1e-4)


@pytest.mark.parametrize(
    ("model", "arguments", "flattered"),
    [
        ("artifact", (), True),
        ("artifact", ("--last", "0.2"), True),
        ("apart", (), True),
        ("apart", ("--last", "0.2"), False),
    ],
)
def test_rows_that_were_learned_from_are_told(
    folder: Path, model: str, arguments: tuple[str, ...], flattered: bool
) -> None:
    result = run(folder, "--model", str(folder / model), *arguments, "--json")
    assert ("Beware: this network learned from rows of data.csv" in result.stderr) == flattered
    json.loads(result.stdout)


def test_other_rows_are_judged_without_a_warning(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    lines = (folder / "data.csv").read_text().splitlines(keepends=True)
    other.write_text("".join(lines[:-1]))
    assert run(folder, "--data", str(other)).stderr == ""


def test_the_table_has_every_figure_a_line(folder: Path) -> None:
    lines = run(folder).stdout.splitlines()
    assert any(line.startswith("average precision ") for line in lines)
    assert any(line.startswith("expected calibration error") for line in lines)
    assert len({line.index("  ") for line in lines}) > 1
    assert len({len(line) - len(line.split("  ")[-1].lstrip()) for line in lines}) == 1


def test_a_policy_gives_another_threshold(folder: Path) -> None:
    found = json.loads(run(folder, "--policy", "alerts-per-day:10", "--json").stdout)
    assert found["alerts_a_day"] <= 10
    assert found["threshold"] > json.loads(run(folder, "--json").stdout)["threshold"]


@pytest.mark.parametrize(
    ("name", "start"), [("it.html", b"<!doctype html>"), ("it.png", b"\x89PNG")]
)
def test_a_report_stands_alone(folder: Path, tmp_path: Path, name: str, start: bytes) -> None:
    report = tmp_path / name
    assert run(folder, "--report", str(report)).exit_code == 0
    content = report.read_bytes()
    assert content.startswith(start)
    assert b'src="http' not in content
    assert content.count(b"data:image/png;base64,") == (2 if name == "it.html" else 0)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--report", "report.pdf"), "must end in .html or .png"),
        (("--report", "nowhere/report.png"), "the folder nowhere is missing"),
        (("--policy", "precision:2"), "needs a number above 0 and at most 1"),
    ],
)
def test_mistakes_are_told_before_anything_is_read(
    folder: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    result = run(folder, *arguments)
    assert result.exit_code != 0
    assert sentence in str(result.exception) + result.output


def test_weights_of_other_data_are_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "few.csv").write_text("weight\n1\n")
    result = run(folder, "--weights", str(tmp_path / "few.csv"))
    assert "has 1 weights and the data 1,000 rows" in str(result.exception)


def test_policies_are_completed() -> None:
    from click.shell_completion import CompletionItem

    from fraudstream.options import PolicyType

    found = PolicyType().shell_complete(None, None, "c")  # type: ignore[arg-type]
    assert [it.value for it in found if isinstance(it, CompletionItem)] == ["cost:10"]
    assert PolicyType().convert(Policy(), None, None) == Policy()
