"""A folder of versions, with the names `champion` and `challenger` and a history.

    models/
      champion -> versions/2026-11-28.5e1f0a2b
      challenger -> versions/2026-11-29.0c9d8e7f
      history.jsonl
      versions/
        2026-11-28.5e1f0a2b/    an artifact
        2026-11-29.0c9d8e7f/

A version is an artifact that is never changed; its folder is named after its `model_version`. A
role is a symbolic link that is replaced by a rename, so that a reader finds the old version or the
new one, on a volume that several machines share, too.
"""

import fcntl
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from model.artifact.load import load_metadata
from model.artifact.metadata import Metadata
from model.disk import sync
from model.errors import (
    ArtifactError,
    StoreError,
    StoreMissingError,
    VersionMissingError,
)
from model.store.history import Action, History, HistoryEntry, Role, previous_champion

VERSIONS = "versions"
HISTORY = "history.jsonl"
_LOST = "lost+found"  # in the root of a volume


class ModelStore:
    """The versions of a model, and the roles that some of them have.

    Every change holds a lock on the store, so that the history and the links agree. Readers need
    no lock and no permission to write.

    Args:
        folder: of the store; see `open` and `create`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._versions = folder / VERSIONS
        self._history = History(folder / HISTORY)

    @classmethod
    def open(cls, folder: Path) -> "ModelStore":
        """Return the store in a folder.

        Raises:
            StoreMissingError: there is none.
        """
        if not is_store(folder):
            what = "is not a model store" if folder.exists() else "does not exist"
            raise StoreMissingError(f"{folder} {what}; a store is a folder with {VERSIONS}/ in it.")
        return cls(folder)

    @classmethod
    def create(cls, folder: Path) -> "ModelStore":
        """Return the store in a folder, or a new one, which the first version creates.

        Raises:
            StoreError: the folder holds something else.
        """
        with _explained(folder):
            names = {path.name for path in folder.iterdir()} if folder.exists() else set()
        if names - {_LOST} and VERSIONS not in names:
            raise StoreError(f"{folder} holds files that are no model store: choose a new folder.")
        return cls(folder)

    def versions(self) -> list[str]:
        """Return the names of the versions, in alphabetical order: by the day of training."""
        with _explained(self.folder):
            return sorted(
                path.name
                for path in self._versions.iterdir()
                if path.is_dir() and not path.name.startswith(".")
            )

    def version_in(self, role: Role) -> str | None:
        """Return the name of the version that has a role, or None.

        Raises:
            StoreError: the link is not one to a version.
        """
        link = self.folder / role
        try:
            target = link.readlink()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(
                f"{link} is not a link ({error.strerror}): remove it, and promote a version again."
            ) from error
        return target.name

    def artifact(self, name: str) -> Path:
        """Return the folder of a version.

        Args:
            name: of the version, or of a role.

        Raises:
            VersionMissingError: there is no such version, or none has the role.
        """
        version = self.version_in(Role(name)) if name in list(Role) else name
        if version is None:
            raise VersionMissingError(f"No version in {self.folder} is the {name}.")
        if version not in self.versions():
            role = f", which is its {name}," if version != name else ""
            raise VersionMissingError(f"{self.folder} has no version {version}{role}.")
        return self._versions / version

    def equal_to(self, metadata: Metadata) -> str | None:
        """Return the name of the version with the same network and threshold, or None."""
        for name in self.versions():
            try:
                if _are_equal(load_metadata(self._versions / name), metadata):
                    return name
            except ArtifactError:
                continue  # a damaged version is equal to none
        return None

    def history(self) -> list[HistoryEntry]:
        """Return which version became what, the oldest entry first."""
        with _explained(self.folder):
            return self._history.entries()

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """Yield a name in the store for a new artifact, which is removed unless it is installed.

        Raises:
            StoreError: the artifact cannot be written.
        """
        folder = self._versions / f".{secrets.token_hex(4)}"
        try:
            with _explained(self.folder):
                yield folder / "artifact"
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def install(self, artifact: Path, *, by: str, now: datetime) -> Metadata:
        """Move an artifact from `staging` into the store; the first version becomes champion.

        An equal version that is there already is kept.

        Args:
            artifact: as `staging` yielded it.
            by: who installs it.
            now: the time.

        Returns:
            The version's metadata.

        Raises:
            StoreError: another artifact has this version's name, or the store cannot be written.
            ArtifactError: the artifact is damaged.
        """
        metadata = load_metadata(artifact)
        place = self._versions / _checked_name(metadata)
        with self._changing():
            for path in (*artifact.rglob("*"), artifact):
                if path.is_file():
                    path.chmod(path.stat().st_mode & ~0o222)
                sync(path)
            if not place.exists():
                artifact.rename(place)
                sync(self._versions)
            elif not _are_equal(load_metadata(place), metadata):
                raise StoreError(
                    f"{self.folder} has another artifact named {metadata.model_version}; a version "
                    "is never changed."
                )
            if self.version_in(Role.CHAMPION) is None:
                self._assign(Action.PROMOTE, Role.CHAMPION, place.name, by, now)
        return metadata

    def copy_in(self, artifact: Path, *, by: str, now: datetime) -> Metadata:
        """Copy an artifact from elsewhere into the store; see `install`."""
        load_metadata(artifact)
        with self.staging() as place:
            shutil.copytree(artifact, place)
            return self.install(place, by=by, now=now)

    def promote(self, name: str, *, by: str, now: datetime) -> HistoryEntry:
        """Make a version the champion; a challenger that is promoted is no challenger any more.

        Args:
            name: of the version, or "challenger".
            by: who promotes it.
            now: the time.

        Raises:
            VersionMissingError: there is no such version.
            ArtifactError: its metadata cannot be read.
            StoreError: it is the champion already, or the store cannot be written.
        """
        with self._changing():
            version = self._usable(name)
            if version == self.version_in(Role.CHAMPION):
                raise StoreError(f"{version} is the champion already.")
            entry = self._assign(Action.PROMOTE, Role.CHAMPION, version, by, now)
            if version == self.version_in(Role.CHALLENGER):
                (self.folder / Role.CHALLENGER).unlink()
                sync(self.folder)
            return entry

    def rollback(self, *, by: str, now: datetime) -> HistoryEntry:
        """Make the champion's predecessor the champion again.

        Raises:
            StoreError: there is none, or the store cannot be written.
            ArtifactError: its metadata cannot be read.
        """
        with self._changing():
            current = self.version_in(Role.CHAMPION)
            previous = current and previous_champion(self._history.entries(), current)
            if not previous:
                raise StoreError(
                    f"No version in {self.folder} was champion before {current or 'now'}."
                )
            return self._assign(Action.ROLLBACK, Role.CHAMPION, self._usable(previous), by, now)

    def challenge(self, name: str, *, by: str, now: datetime) -> HistoryEntry:
        """Make a version the challenger.

        Args:
            name: of the version.
            by: who does.
            now: the time.

        Raises:
            VersionMissingError: there is no such version.
            ArtifactError: its metadata cannot be read.
            StoreError: it is champion or challenger already, or the store cannot be written.
        """
        with self._changing():
            version = self._usable(name)
            for role in Role:
                if version == self.version_in(role):
                    raise StoreError(f"{version} is the {role} already.")
            return self._assign(Action.CHALLENGE, Role.CHALLENGER, version, by, now)

    def _usable(self, name: str) -> str:
        folder = self.artifact(name)
        load_metadata(folder)
        return folder.name

    def _assign(
        self, action: Action, role: Role, version: str, by: str, now: datetime
    ) -> HistoryEntry:
        """Write the history first: no version takes a role without an entry."""
        entry = HistoryEntry(
            time=now,
            action=action,
            role=role,
            version=version,
            previous=self.version_in(role),
            by=by,
        )
        self._history.append(entry)
        link = self.folder / f".{role}.{secrets.token_hex(4)}"
        link.symlink_to(Path(VERSIONS) / version)
        try:
            link.replace(self.folder / role)
        except OSError:
            link.unlink()
            raise
        sync(self.folder)
        return entry

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Hold the store's lock; turn an OSError into a StoreError."""
        with _explained(self.folder), (self.folder / ".lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def is_store(folder: Path) -> bool:
    """Whether there is a store in a folder."""
    return (folder / VERSIONS).is_dir()


def _checked_name(metadata: Metadata) -> str:
    name = metadata.model_version
    if not name or name.startswith(".") or Path(name).name != name or name in list(Role):
        raise StoreError(f"{name!r} cannot be the name of a version.")
    return name


def _are_equal(first: Metadata, second: Metadata) -> bool:
    return (first.model_sha256, first.threshold) == (second.model_sha256, second.threshold)


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    """Turn an OSError into a StoreError of one sentence."""
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"The model store {folder} cannot be used: {error.strerror or error}"
            f"{f' ({error.filename})' if error.filename else ''}."
        ) from error
