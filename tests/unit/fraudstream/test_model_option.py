"""`--model` takes a store, whose champion is used, or the folder of a single artifact."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from fraudstream.commands import detect
from fraudstream.hints import hint_for
from fraudstream.main import fraudstream
from model.errors import ArtifactMissingError
from model.serving.scorer import Scorer
from model.store.location import artifact_in
from model.store.store import ModelStore
from tests.support import made_up
from tests.support.versions import write_artifact


class LoadedError(Exception):
    """Stands for everything that follows the loading of the model."""


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    """A single artifact."""
    write_artifact(tmp_path / "artifact")
    return tmp_path / "artifact"


@pytest.fixture
def store(artifact: Path) -> Path:
    """A store in which the second version was promoted."""
    write_artifact(artifact.parent / "second", b"second")
    for name in (artifact, artifact.parent / "second"):
        _models(artifact.parent / "models", "add", str(name))
    folder = artifact.parent / "models"
    (waiting,) = set(ModelStore.open(folder).versions()) - {artifact_in(folder).name}
    _models(folder, "promote", waiting)
    assert artifact_in(folder).name == waiting
    return folder


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders that were loaded, of which none has a network."""
    folders: list[Path] = []

    def load(folder: Path, **_options: Any) -> None:
        folders.append(folder)
        raise LoadedError

    def run_detector(*arguments: Any, **_named: Any) -> None:
        *_, load_model = arguments
        load_model()

    monkeypatch.setattr(Scorer, "load", load)
    monkeypatch.setattr("consumer.detector.service.run_detector", run_detector)
    monkeypatch.setattr("fraudstream.process.disable_created_metrics", lambda: None)
    for name in ("stop_on_signals", "log_to_stderr"):  # they change the whole process
        monkeypatch.setattr(detect, name, lambda *_arguments, **_named: _Never())
    return folders


class _Never:
    def is_set(self) -> bool:
        return False


def _models(folder: Path, name: str, argument: str) -> None:
    result = CliRunner().invoke(fraudstream, ["models", name, argument, "--model", str(folder)])
    assert result.exit_code == 0, result.output


def _run(command: str, model: Path) -> BaseException | None:
    data = model.parent / "rows.csv"
    made_up.transactions(50).to_csv(data, index=False)
    arguments = ["--data", str(data)] if command == "evaluate" else []
    return CliRunner().invoke(fraudstream, [command, "--model", str(model), *arguments]).exception


@pytest.mark.parametrize("command", ["detect", "evaluate"])
def test_the_champion_of_a_store_is_used(command: str, store: Path, loaded: list[Path]) -> None:
    assert isinstance(_run(command, store), LoadedError)
    # The version itself and not the link: a promotion in between would mix two versions.
    assert loaded == [artifact_in(store)]


@pytest.mark.parametrize("command", ["detect", "evaluate"])
def test_a_single_artifact_is_used(command: str, artifact: Path, loaded: list[Path]) -> None:
    assert isinstance(_run(command, artifact), LoadedError)
    assert loaded == [artifact]


def test_without_a_model_there_is_a_hint(tmp_path: Path, loaded: list[Path]) -> None:
    error = _run("detect", tmp_path / "models")
    assert isinstance(error, ArtifactMissingError)
    assert "`fraudstream train --model FOLDER`" in str(hint_for(error))
    assert loaded == []
