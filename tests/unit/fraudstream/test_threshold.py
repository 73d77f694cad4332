"""`fraudstream threshold`: the report, the new version, its promotion."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from numpy.typing import NDArray

from fraudstream.main import fraudstream
from model.artifact.load import load_metadata
from model.serving.scorer import Scorer
from model.store.history import Role
from model.store.location import artifact_in
from model.store.store import ModelStore
from tests.support import made_up
from tests.support.versions import write_artifact


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A store with one version."""
    write_artifact(tmp_path / "artifact")
    CliRunner().invoke(
        fraudstream, ["models", "add", str(tmp_path / "artifact"), "--model", str(tmp_path / "m")]
    )
    return tmp_path / "m"


def run(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(fraudstream, ["threshold", "--model", str(folder), *arguments])


def test_the_report_compares_before_and_after(folder: Path) -> None:
    result = run(folder, "--policy", "recall:1")
    old, new = sorted(ModelStore.open(folder).versions())
    cells = [line.split() for line in result.stdout.splitlines()]
    assert result.stdout.startswith("on the held-out rows")
    assert ["version", old, new] in cells
    assert ["policy", "precision:0.7", "recall:1"] in cells
    assert ["alerts", "a", "day", "8.0", "16.0"] in cells
    assert ["fraud", "amount", "missed", "5.00", "0.00"] in cells
    assert f"Next: fraudstream models promote {new}" in result.stdout
    assert ModelStore.open(folder).version_in(Role.CHAMPION) == old
    assert load_metadata(ModelStore.open(folder).artifact(new)).threshold == pytest.approx(0.3)


def test_a_promoted_threshold_serves_and_a_rollback_undoes_it(folder: Path) -> None:
    old = artifact_in(folder).name
    result = run(folder, "--policy", "0.25", "--promote")
    new = f"{old}.t0.25"
    assert f"{new} is the champion now, in place of {old}." in result.stdout
    assert "Next:" not in result.stdout
    assert load_metadata(artifact_in(folder)).threshold == 0.25
    CliRunner().invoke(fraudstream, ["models", "rollback", "--model", str(folder)])
    assert load_metadata(artifact_in(folder)).threshold == 0.7


def test_the_same_threshold_makes_no_second_version(folder: Path) -> None:
    old = artifact_in(folder).name
    run(folder, "--policy", "0.25")
    run(folder, "--policy", "0.25")
    assert len(ModelStore.open(folder).versions()) == 2
    back = run(folder, f"{old}.t0.25", "--policy", "0.7")  # 0.7 as float32 is another number
    assert back.exit_code == 0
    assert f"{old}.t0.7" in back.stdout
    assert "has this threshold already" in run(folder, f"{old}.t0.25", "--policy", "0.25").stdout


@dataclass(frozen=True, slots=True)
class ByAmount:
    """A model whose score rises with the amount."""

    def in_batches(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        amounts = features[:, -1]
        return np.asarray(amounts / (1 + amounts), np.float32)


def test_labelled_rows_choose_the_threshold(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Scorer, "load", lambda *_arguments, **_named: ByAmount())
    frame = made_up.transactions(400)
    frame["Amount"] = np.where(frame["Class"] == 1, 100.0, 1.0)
    frame.to_csv(tmp_path / "later.csv", index=False)
    given = ("--policy", "precision:0.9", "--data", str(tmp_path / "later.csv"), "--json")
    result = run(folder, *given, "--promote")
    report = json.loads(result.stdout)
    assert (report["rows"], report["warning"]) == ("later.csv", None)
    assert report["after"]["recall"] == report["after"]["precision"] == 1
    assert report["after"]["amount_caught"] == 2000
    assert report["version"] == artifact_in(folder).name
    assert "is the champion now" in result.stderr
    assert load_metadata(artifact_in(folder)).threshold_chosen_on == "later.csv"


def test_mistakes_are_explained(folder: Path) -> None:
    assert "Missing option '--policy'" in run(folder).stderr
    assert "from 0 to 1, not 2" in run(folder, "--policy", "2").stderr
    assert "needs the --data" in run(folder, "--policy", "f1", "--weights", "w.csv").stderr
    assert "no version nothing" in str(run(folder, "nothing", "--policy", "f1").exception)
