"""`fraudstream evaluate` on a small artifact: figures, JSON, reports, mistakes."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from dataset.columns import COLUMNS, FEATURES
from fraudstream.commands.evaluate import command
from model.metadata import Source
from model.threshold import Policy
from model.training import train_and_save

# Keras 3.15 converts its variables in a way that numpy 2 warns about, whenever it saves.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

ROWS = 1000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data.csv, weights.csv and an artifact trained on them."""
    folder = tmp_path_factory.mktemp("evaluate")
    random = np.random.default_rng(5)
    fraud = np.arange(ROWS) % 20 == 7
    frame = pd.DataFrame(random.normal(size=(ROWS, 30)), columns=list(FEATURES))
    frame.loc[fraud, "V1":"V28"] += 2.0
    frame["Time"] = np.linspace(0, 172_800, ROWS).round()
    frame["Amount"] = random.lognormal(3, 1.5, ROWS).round(2)
    frame["Class"] = fraud.astype(np.int8)
    frame[list(COLUMNS)].to_csv(folder / "data.csv", index=False)
    weights = np.where(fraud, 1.0, 30.0)
    pd.DataFrame({"weight": weights}).to_csv(folder / "weights.csv", index=False)
    source = Source(name="made up for tests", synthetic=True)
    train_and_save(frame, folder / "artifact", source=source, weights=weights, epochs=5)
    return folder


def run(folder: Path, *arguments: str) -> Result:
    given = ["--data", str(folder / "data.csv"), "--model", str(folder / "artifact")]
    return CliRunner().invoke(command, [*given, *arguments])


def test_figures_are_weighted_where_weights_are_given(folder: Path) -> None:
    plain = json.loads(run(folder, "--json").output)
    weighted = json.loads(run(folder, "--weights", str(folder / "weights.csv"), "--json").output)
    assert (plain["rows"], plain["transactions"]) == (ROWS, ROWS)
    assert weighted["transactions"] == 50 + 950 * 30
    assert weighted["recall"] == plain["recall"]
    assert weighted["false_positives"] == 30 * plain["false_positives"]
    assert weighted["average_precision"] <= plain["average_precision"]


def test_the_last_share_is_judged_alone_and_is_what_training_held_out(folder: Path) -> None:
    weights = ("--weights", str(folder / "weights.csv"))
    found = json.loads(run(folder, *weights, "--last", "0.2", "--json").output)
    held_out = json.loads((folder / "artifact" / "metadata.json").read_text())["held_out"]
    assert len(found.pop("reliability")) == len(held_out.pop("reliability"))
    assert found == pytest.approx(held_out, rel=1e-4)


def test_the_table_has_every_figure_a_line(folder: Path) -> None:
    lines = run(folder).output.splitlines()
    assert any(line.startswith("average precision ") for line in lines)
    assert any(line.startswith("expected calibration error") for line in lines)
    assert len({line.index("  ") for line in lines}) > 1
    assert len({len(line) - len(line.split("  ")[-1].lstrip()) for line in lines}) == 1


def test_a_policy_gives_another_threshold(folder: Path) -> None:
    found = json.loads(run(folder, "--policy", "alerts-per-day:10", "--json").output)
    assert found["alerts_a_day"] <= 10
    assert found["threshold"] > json.loads(run(folder, "--json").output)["threshold"]


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
