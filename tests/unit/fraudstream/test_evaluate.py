"""`fraudstream evaluate` on a small artifact: metrics, JSON, reports, errors."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from dataset.reader import sha256
from fraudstream.commands.evaluate import command
from model.artifact.metadata import DataSource
from model.evaluation.threshold import Policy
from model.labelled import Labelled
from model.pipeline import train_and_save
from model.serving.scorer import Scorer
from model.training.plan import TrainingPlan
from tests.support import made_up

# Keras 3.15 converts its variables in a way that numpy 2 warns about, whenever it saves.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

ROWS = 1000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data.csv, weights.csv, and artifacts trained on them.

    "artifact" was refitted to all rows, "held-out" was not.
    """
    folder = tmp_path_factory.mktemp("evaluate")
    frame = made_up.transactions(ROWS)
    frame.to_csv(folder / "data.csv", index=False)
    weights = np.where(frame["Class"] == 1, 1.0, 30.0)
    pd.DataFrame({"weight": weights}).to_csv(folder / "weights.csv", index=False)
    source = DataSource(name="data.csv", sha256=sha256(folder / "data.csv"), synthetic=True)
    for name, refit in (("artifact", True), ("held-out", False)):
        plan = TrainingPlan(epochs=2, refit=refit)
        train_and_save(Labelled.of(frame, weights), plan, folder / name, source=source)
    return folder


@pytest.fixture(scope="module", autouse=True)
def each_artifact_is_loaded_once() -> Iterator[None]:
    """Loading is not tested here, and compiles the network each time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Scorer, "load", cache(Scorer.load))
        yield


def run(folder: Path, *arguments: str) -> Result:
    given = ["--data", str(folder / "data.csv"), "--model", str(folder / "artifact")]
    return CliRunner().invoke(command, [*given, *arguments])


def test_metrics_are_weighted_where_weights_are_given(folder: Path) -> None:
    plain = json.loads(run(folder, "--json").stdout)
    weighted = json.loads(run(folder, "--weights", str(folder / "weights.csv"), "--json").stdout)
    assert (plain["rows"], plain["transactions"]) == (ROWS, ROWS)
    assert weighted["transactions"] == 50 + 950 * 30
    assert weighted["recall"] == plain["recall"]
    assert weighted["false_positives"] == 30 * plain["false_positives"]
    assert weighted["average_precision"] <= plain["average_precision"]


def test_the_last_share_alone_gives_the_metrics_of_the_training(folder: Path) -> None:
    weights = ("--weights", str(folder / "weights.csv"))
    held_out = ("--model", str(folder / "held-out"))
    evaluated = json.loads(run(folder, *weights, *held_out, "--last", "0.2", "--json").stdout)
    trained = json.loads((folder / "held-out" / "metadata.json").read_text())["held_out"]
    assert len(evaluated.pop("reliability")) == len(trained.pop("reliability"))
    assert (evaluated.pop("warning"), trained.pop("warning")) == (None, None)
    assert evaluated == pytest.approx(trained, rel=1e-4)


@pytest.mark.parametrize(
    ("model", "arguments", "warned"),
    [
        ("artifact", (), True),
        ("artifact", ("--last", "0.2"), True),
        ("held-out", (), True),
        ("held-out", ("--last", "0.2"), False),
    ],
)
def test_rows_that_were_trained_on_give_a_warning(
    folder: Path, model: str, arguments: tuple[str, ...], warned: bool
) -> None:
    result = run(folder, "--model", str(folder / model), *arguments, "--json")
    sentence = "This network was trained on rows of data.csv"
    assert (f"Warning: {sentence}" in result.stderr) == warned
    assert (sentence in str(json.loads(result.stdout)["warning"])) == warned


def test_other_rows_give_no_warning(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    made_up.transactions(ROWS // 2, every=10).to_csv(other, index=False)
    result = run(folder, "--data", str(other), "--json")
    assert result.stderr == ""
    assert json.loads(result.stdout)["warning"] is None


def test_rows_that_were_trained_on_are_recognised_in_another_file(
    folder: Path, tmp_path: Path
) -> None:
    """The file's checksum differs as soon as it is compressed or cut."""
    lines = (folder / "data.csv").read_text().splitlines(keepends=True)
    cut = tmp_path / "cut.csv"
    cut.write_text("".join(lines[:-1]))
    held_out = ("--model", str(folder / "held-out"))
    later = tmp_path / "later.csv"
    later.write_text("".join([lines[0], *lines[-ROWS // 5 :]]))
    assert "trained on rows of cut.csv" in run(folder, "--data", str(cut)).stderr
    assert "trained on rows of cut.csv" in run(folder, "--data", str(cut), *held_out).stderr
    assert "trained on rows of later.csv" in run(folder, "--data", str(later)).stderr
    assert run(folder, "--data", str(later), *held_out).stderr == ""


def test_the_table_has_a_line_for_each_metric(folder: Path) -> None:
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
    ("name", "start"), [("report.html", b"<!doctype html>"), ("report.png", b"\x89PNG")]
)
def test_a_report_is_self_contained(folder: Path, tmp_path: Path, name: str, start: bytes) -> None:
    report = tmp_path / name
    assert run(folder, "--report", str(report)).exit_code == 0
    content = report.read_bytes()
    assert content.startswith(start)
    assert b'src="http' not in content
    assert content.count(b"data:image/png;base64,") == (2 if name == "report.html" else 0)
    # The artifact was trained on these rows.
    assert (b"<strong>Warning: This network was trained" in content) == (name == "report.html")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--report", "report.pdf"), "must end in .html or .png"),
        (("--report", "nowhere/report.png"), "the folder nowhere is missing"),
        (("--policy", "precision:2"), "needs a number above 0 and at most 1"),
    ],
)
def test_mistakes_are_reported_before_anything_is_read(
    folder: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    result = run(folder, *arguments)
    assert result.exit_code != 0
    assert sentence in str(result.exception) + result.output


def test_weights_of_other_data_are_rejected(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "few.csv").write_text("weight\n1\n")
    result = run(folder, "--weights", str(tmp_path / "few.csv"))
    assert "has 1 weights and the data 1,000 rows" in str(result.exception)


def test_policies_are_completed() -> None:
    from fraudstream.options import PolicyType

    items = PolicyType().shell_complete(None, None, "c")  # type: ignore[arg-type]
    assert [item.value for item in items] == ["cost:10"]
    assert PolicyType().convert(Policy(), None, None) == Policy()
