"""`fraudstream models`: what it prints, what it changes, what it completes, what it refuses."""

import json
import shutil
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner, Result

from fraudstream.author import author
from fraudstream.destination import check_destination, saved_in
from fraudstream.hints import hint_for
from fraudstream.main import fraudstream
from model.artifact.load import load_metadata
from model.artifact.metadata import Metadata
from model.errors import ArtifactError, StoreError, StoreMissingError, VersionMissingError
from model.store.history import Role
from model.store.store import ModelStore
from tests.support.versions import write_artifact


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A store with two versions, of which the first is the champion."""
    for network in (b"first", b"second"):
        write_artifact(tmp_path / network.decode(), network)
        assert run(tmp_path / "models", "add", str(tmp_path / network.decode())).exit_code == 0
    return tmp_path / "models"


@pytest.fixture
def names(folder: Path) -> tuple[str, str]:
    """The champion, and the other version."""
    store = ModelStore.open(folder)
    champion = store.version_in(Role.CHAMPION)
    assert champion is not None
    (other,) = set(store.versions()) - {champion}
    return champion, other


def run(folder: Path, *arguments: str) -> Result:
    name, *rest = arguments
    return CliRunner().invoke(fraudstream, ["models", name, "--model", str(folder), *rest])


def test_the_list_has_a_line_for_each_version(folder: Path, names: tuple[str, str]) -> None:
    header, *lines = run(folder, "list").stdout.splitlines()
    assert header.split()[:5] == ["version", "role", "recipe", "data", "threshold"]
    assert [line.split()[0] for line in lines] == sorted(names)
    (champion,) = (line for line in lines if line.startswith(names[0]))
    assert champion.split()[1:3] == ["champion", "champion"]  # its role, and its recipe
    assert champion.split()[-5:] == ["0.7000", "0.6875", "0.7500", "0.7500", "8.0"]


def test_the_list_as_json_has_an_object_for_each_version(
    folder: Path, names: tuple[str, str]
) -> None:
    versions = [json.loads(line) for line in run(folder, "list", "--json").stdout.splitlines()]
    assert {each["version"]: each["role"] for each in versions} == {
        names[0]: "champion",
        names[1]: None,
    }
    assert versions[0]["held_out"]["recall"] == 0.75
    assert "sample" not in versions[0]


def test_an_unusable_version_does_not_hide_the_others(folder: Path, names: tuple[str, str]) -> None:
    (folder / "versions" / names[1] / "metadata.json").unlink()
    result = run(folder, "list")
    assert result.exit_code == 0
    assert names[0] in result.stdout
    assert "unusable: " in result.stdout
    (error,) = (
        each["error"]
        for each in map(json.loads, run(folder, "list", "--json").stdout.splitlines())
        if "error" in each
    )
    assert "is missing" in error


def test_promotion_and_rollback_are_reported_and_recorded(
    folder: Path, names: tuple[str, str]
) -> None:
    first, second = names
    assert run(folder, "promote", second).stdout == (
        f"{second} is the champion now, in place of {first}.\n"
    )
    assert run(folder, "rollback").stdout == (
        f"{first} is the champion now, in place of {second}.\n"
    )
    assert run(folder, "challenge", second).stdout == f"{second} is the challenger now.\n"
    header, *lines = run(folder, "history").stdout.splitlines()
    assert header.split() == ["time", "action", "role", "version", "before", "by"]
    assert [line.split()[2] for line in lines] == ["promote", "promote", "rollback", "challenge"]
    assert all(line.endswith(author()) for line in lines)
    entries = [json.loads(line) for line in run(folder, "history", "--json").stdout.splitlines()]
    assert [entry["version"] for entry in entries] == [first, second, first, second]
    assert run(folder, "promote", "challenger").exit_code == 0
    assert ModelStore.open(folder).version_in(Role.CHAMPION) == second


def test_a_version_is_shown_with_its_history(folder: Path, names: tuple[str, str]) -> None:
    text = run(folder, "show", "champion").stdout
    assert text.splitlines()[0].split() == ["version", names[0]]
    assert f"{names[0]} is the champion now." in text.splitlines()[-1]
    assert str(folder / "versions" / names[0] / "README.md") in text
    shown = json.loads(run(folder, "show", names[1], "--json").stdout)
    assert (shown["version"], shown["role"], shown["history"]) == (names[1], None, [])


@pytest.mark.parametrize("name", ["show", "promote", "challenge"])
def test_an_unknown_version_has_a_hint(folder: Path, name: str) -> None:
    error = run(folder, name, "2020-01-01.nothing").exception
    assert isinstance(error, VersionMissingError)
    assert "`fraudstream models list`" in str(hint_for(error))


def test_a_folder_that_is_no_store_has_a_hint(tmp_path: Path) -> None:
    error = run(tmp_path, "list").exception
    assert isinstance(error, StoreMissingError)
    assert "`fraudstream models add ARTIFACT" in str(hint_for(error))


@pytest.mark.parametrize("by_variable", [True, False])
@pytest.mark.parametrize("name", ["show", "promote", "challenge"])
def test_versions_are_completed(
    folder: Path,
    names: tuple[str, str],
    name: str,
    by_variable: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    arguments = ["models", name]
    if by_variable:
        monkeypatch.setenv("FRAUDSTREAM_MODEL", str(folder))
    else:
        arguments += ["--model", str(folder)]
    completion = ShellComplete(fraudstream, {}, "fraudstream", "_FRAUDSTREAM_COMPLETE")
    found = completion.get_completions(arguments, "")
    assert {item.value: item.help for item in found} == {names[0]: "champion", names[1]: ""}
    (only,) = completion.get_completions(arguments, names[1][:14])
    assert only.value == names[1]


def test_without_a_store_nothing_is_completed(tmp_path: Path) -> None:
    completion = ShellComplete(fraudstream, {}, "fraudstream", "_FRAUDSTREAM_COMPLETE")
    assert completion.get_completions(["models", "show", "--model", str(tmp_path)], "") == []


class Save:
    """Stands for a training: saves an artifact in the folder that it is called with."""

    def __init__(self, network: bytes) -> None:
        self._network = network

    def __call__(self, folder: Path) -> Metadata:
        shutil.rmtree(folder, ignore_errors=True)
        write_artifact(folder, self._network)
        return load_metadata(folder)


def test_the_first_training_serves_and_a_later_one_waits(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "models"
    check_destination(folder)
    assert not folder.exists()
    first = saved_in(folder, Save(b"1"))
    assert (first.serves, first.next_command) == (True, "detect")
    check_destination(folder)
    second = saved_in(folder, Save(b"2"))
    assert second.next_command == f"models promote {second.metadata.model_version}"
    assert len(ModelStore.open(folder).versions()) == 2


def test_a_single_artifact_is_replaced(tmp_path: Path) -> None:
    write_artifact(tmp_path / "artifact", b"1")
    check_destination(tmp_path / "artifact")
    saved = saved_in(tmp_path / "artifact", Save(b"2"))
    assert saved.serves
    assert load_metadata(tmp_path / "artifact") == saved.metadata
    assert not (tmp_path / "artifact" / "versions").exists()


def test_a_training_that_is_stopped_leaves_nothing(tmp_path: Path) -> None:
    def stop(_folder: Path) -> Metadata:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        saved_in(tmp_path / "models", stop)
    assert list(tmp_path.iterdir()) == []


def test_what_would_be_overwritten_is_refused_before_training(folder: Path) -> None:
    with pytest.raises(StoreError, match="never changed"):
        check_destination(folder / "champion")
    (folder.parent / "notes").mkdir()
    (folder.parent / "notes" / "notes.txt").touch()
    with pytest.raises(StoreError, match="holds files that are no model store"):
        check_destination(folder.parent / "notes")
    with pytest.raises(ArtifactError, match="cannot be written"):
        check_destination(Path("/proc/models"))


def test_an_author_without_a_name_is_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown() -> str:
        raise KeyError("uid not found")

    monkeypatch.setattr("getpass.getuser", unknown)
    assert author().partition("@")[0].isdigit()
