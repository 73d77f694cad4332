"""What a folder is: a store, a single artifact, or a version in a store."""

from pathlib import Path

from model.errors import ArtifactMissingError, StoreError, VersionMissingError
from model.store.history import Role
from model.store.store import VERSIONS, ModelStore, is_store


def artifact_in(folder: Path) -> Path:
    """Return the artifact to use: that of the champion of a store, or else the folder itself.

    The path is that of the version, not of the link, so that all its files are of one version.

    Raises:
        ArtifactMissingError: the store has no champion.
    """
    if not is_store(folder):
        return folder
    try:
        return ModelStore.open(folder).artifact(Role.CHAMPION)
    except VersionMissingError as error:
        raise ArtifactMissingError(str(error)) from error


def check_unversioned(folder: Path) -> None:
    """Check that a folder may be written to: that it is no version, which is never changed.

    Raises:
        StoreError: it is one.
    """
    place = folder.resolve()
    if place.parent.name == VERSIONS:
        raise StoreError(
            f"{folder} is a version in the store {place.parent.parent}, and a version is never "
            "changed: name the store, or another folder."
        )
