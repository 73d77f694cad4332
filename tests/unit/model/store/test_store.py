"""The store: versions that never change, roles that are always whole, a history of both."""

import errno
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest

from model.artifact.load import load_metadata
from model.errors import (
    ArtifactError,
    ArtifactMissingError,
    StoreError,
    StoreMissingError,
    VersionMissingError,
)
from model.store.history import Action, Role
from model.store.location import artifact_in, check_unversioned
from model.store.store import ModelStore
from tests.support.versions import metadata, write_artifact

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
BY = "ada@desk"

Add = Callable[[bytes], str]


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    """A store without any version yet."""
    return ModelStore.create(tmp_path / "models")


@pytest.fixture
def add(store: ModelStore) -> Add:
    """Install a version with a network of these bytes, and return its name."""

    def install(network: bytes) -> str:
        with store.staging() as place:
            write_artifact(place, network)
            return store.install(place, by=BY, now=NOW).model_version

    return install


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_first_version_becomes_champion(store: ModelStore, add: Add) -> None:
    assert store.version_in(Role.CHAMPION) is None
    first = add(b"1")
    second = add(b"2")
    assert store.versions() == sorted([first, second])
    assert store.version_in(Role.CHAMPION) == first
    assert store.version_in(Role.CHALLENGER) is None
    (entry,) = store.history()
    assert (entry.action, entry.role, entry.version) == (Action.PROMOTE, Role.CHAMPION, first)
    assert (entry.previous, entry.by, entry.time) == (None, BY, NOW)


def test_a_version_is_an_artifact_and_nothing_else_is_left(store: ModelStore, add: Add) -> None:
    name = add(b"1")
    assert load_metadata(store.artifact(name)) == metadata(b"1")
    assert names_in(store.folder / "versions") == [name]
    assert (store.folder / "champion").resolve() == store.artifact(name).resolve()
    assert not (store.folder / "champion").readlink().is_absolute()  # the volume may move


def test_the_files_of_a_version_are_read_only(store: ModelStore, add: Add) -> None:
    files = [path for path in store.artifact(add(b"1")).rglob("*") if path.is_file()]
    assert {path.stat().st_mode & 0o222 for path in files} == {0}


def test_an_equal_version_is_kept_and_another_of_its_name_is_refused(
    store: ModelStore, add: Add
) -> None:
    name = add(b"1")
    before = store.artifact(name).stat().st_ino
    assert add(b"1") == name
    assert store.artifact(name).stat().st_ino == before
    with store.staging() as place:
        write_artifact(place, b"1", threshold=0.3)
        with pytest.raises(StoreError, match="another artifact named"):
            store.install(place, by=BY, now=NOW)
    assert load_metadata(store.artifact(name)).threshold == 0.7


def test_an_installation_that_fails_leaves_nothing(store: ModelStore) -> None:
    with store.staging() as place:
        place.mkdir(parents=True)
        (place / "metadata.json").write_text("{}")
        with pytest.raises(ArtifactError):
            store.install(place, by=BY, now=NOW)
    assert names_in(store.folder / "versions") == []
    assert store.history() == []


def test_a_full_disk_is_explained(store: ModelStore) -> None:
    with pytest.raises(StoreError, match="cannot be used: No space left on device"):  # noqa: SIM117
        with store.staging():
            raise OSError(errno.ENOSPC, "No space left on device")


def test_a_store_is_created_with_its_first_version(store: ModelStore, add: Add) -> None:
    assert not store.folder.exists()
    with pytest.raises(StoreMissingError):
        ModelStore.open(store.folder)
    name = add(b"1")
    assert ModelStore.open(store.folder).versions() == [name]


@pytest.mark.parametrize("name", ["../outside", ".hidden", "champion", "a/b"])
def test_a_name_that_leads_out_of_the_store_is_refused(store: ModelStore, name: str) -> None:
    with store.staging() as place:
        write_artifact(place)
        described = (place / "metadata.json").read_text()
        (place / "metadata.json").write_text(described.replace(metadata().model_version, name))
        with pytest.raises(StoreError, match="cannot be the name"):
            store.install(place, by=BY, now=NOW)


def test_an_artifact_from_elsewhere_is_copied(store: ModelStore, tmp_path: Path) -> None:
    name = write_artifact(tmp_path / "artifact")
    store.copy_in(tmp_path / "artifact", by=BY, now=NOW)
    shutil.rmtree(tmp_path / "artifact")
    assert load_metadata(store.artifact(name)).model_version == name


def test_promote_and_rollback(store: ModelStore, add: Add) -> None:
    first, second, third = add(b"1"), add(b"2"), add(b"3")
    store.promote(second, by=BY, now=NOW)
    store.promote(third, by=BY, now=NOW)
    assert store.rollback(by="grace@desk", now=NOW).version == second
    assert store.rollback(by="grace@desk", now=NOW).version == first
    assert store.version_in(Role.CHAMPION) == first
    with pytest.raises(StoreError, match=f"was champion before {first}"):
        store.rollback(by=BY, now=NOW)
    assert [(entry.action, entry.version, entry.by) for entry in store.history()] == [
        ("promote", first, BY),
        ("promote", second, BY),
        ("promote", third, BY),
        ("rollback", second, "grace@desk"),
        ("rollback", first, "grace@desk"),
    ]


def test_a_challenger_that_is_promoted_is_no_challenger_any_more(
    store: ModelStore, add: Add
) -> None:
    first, second = add(b"1"), add(b"2")
    store.challenge(second, by=BY, now=NOW)
    assert store.version_in(Role.CHALLENGER) == second
    assert store.artifact("challenger") == store.artifact(second)
    with pytest.raises(StoreError, match="is the challenger already"):
        store.challenge(second, by=BY, now=NOW)
    with pytest.raises(StoreError, match="is the champion already"):
        store.challenge(first, by=BY, now=NOW)
    store.promote("challenger", by=BY, now=NOW)
    assert store.version_in(Role.CHAMPION) == second
    assert store.version_in(Role.CHALLENGER) is None


def test_what_cannot_be_promoted_is_explained(store: ModelStore, add: Add) -> None:
    first, second = add(b"1"), add(b"2")
    for name in ("2026-01-01.nothing", "../versions", "..", ".", "", "challenger"):
        with pytest.raises(VersionMissingError):
            store.promote(name, by=BY, now=NOW)
    with pytest.raises(StoreError, match="is the champion already"):
        store.promote(first, by=BY, now=NOW)
    (store.artifact(second) / "metadata.json").unlink()
    with pytest.raises(ArtifactError, match="is missing"):
        store.promote(second, by=BY, now=NOW)
    assert store.version_in(Role.CHAMPION) == first
    assert len(store.history()) == 1


def test_two_that_promote_at_once_never_leave_a_broken_link(store: ModelStore, add: Add) -> None:
    names = [add(b"1"), add(b"2"), add(b"3")]
    rounds = 40
    seen: set[str] = set()

    def promote(name: str) -> None:
        own = ModelStore.open(store.folder)
        for _ in range(rounds):
            try:
                own.promote(name, by=name, now=NOW)
            except StoreError as error:
                assert "already" in str(error)  # noqa: PT017 - any other error is the fault

    with ThreadPoolExecutor(3) as threads:
        running = [threads.submit(promote, name) for name in names[1:]]
        while not all(future.done() for future in running):
            seen.add(artifact_in(store.folder).name)  # raises where the link is missing
        for future in running:
            future.result()
    assert seen <= set(names)
    entries = store.history()
    assert entries[-1].version == store.version_in(Role.CHAMPION)
    for before, after in pairwise(entries):
        assert after.previous == before.version
    assert names_in(store.folder) == [".lock", "champion", "history.jsonl", "versions"]


def test_a_process_that_dies_before_the_link_moves_leaves_the_old_champion(
    store: ModelStore, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = add(b"1"), add(b"2"), add(b"3")
    store.promote(second, by=BY, now=NOW)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "disk full")))
        with pytest.raises(StoreError, match="disk full"):
            store.promote(third, by=BY, now=NOW)
    assert store.version_in(Role.CHAMPION) == second
    assert store.rollback(by=BY, now=NOW).version == first
    assert not list(store.folder.glob(".champion*"))


def test_a_folder_is_a_store_or_an_artifact(store: ModelStore, add: Add, tmp_path: Path) -> None:
    write_artifact(tmp_path / "artifact")
    assert artifact_in(tmp_path / "artifact") == tmp_path / "artifact"
    name = add(b"1")
    (store.folder / "champion").unlink()
    with pytest.raises(ArtifactMissingError, match="is the champion"):
        artifact_in(store.folder)
    store.promote(name, by=BY, now=NOW)
    assert artifact_in(store.folder) == store.folder / "versions" / name
    with pytest.raises(StoreMissingError, match="is not a model store"):
        ModelStore.open(tmp_path / "artifact")
    with pytest.raises(StoreMissingError, match="does not exist"):
        ModelStore.open(tmp_path / "nowhere")
    with pytest.raises(StoreError, match="holds files"):
        ModelStore.create(tmp_path / "artifact")
    assert ModelStore.create(store.folder).versions() == [name]


def test_a_champion_whose_folder_is_gone_is_explained(store: ModelStore, add: Add) -> None:
    name = add(b"1")
    shutil.rmtree(store.artifact(name))
    with pytest.raises(ArtifactMissingError, match=f"no version {name}, which is its champion"):
        artifact_in(store.folder)


def test_a_store_can_be_made_in_the_root_of_a_volume(tmp_path: Path) -> None:
    (tmp_path / "lost+found").mkdir()
    ModelStore.create(tmp_path)


def test_a_version_may_not_be_written_to(store: ModelStore, add: Add, tmp_path: Path) -> None:
    add(b"1")
    for folder in (store.folder / "champion", artifact_in(store.folder)):
        with pytest.raises(StoreError, match="never changed"):
            check_unversioned(folder)
    check_unversioned(store.folder)
    check_unversioned(tmp_path / "new")


def test_readers_need_no_permission_to_write(
    store: ModelStore, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = add(b"1")

    def unchanging() -> None:
        raise AssertionError("a reader takes the lock")

    monkeypatch.setattr(ModelStore, "_changing", lambda _self: unchanging())
    assert artifact_in(store.folder).name == name
    assert [entry.version for entry in store.history()] == [name]
