"""Where a trained network goes: into a model store, or in place of a single artifact."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fraudstream.versions import signature
from model.artifact.files import METADATA, NETWORK
from model.artifact.metadata import Metadata
from model.artifact.save import check_replaceable
from model.store.history import Role
from model.store.location import check_unversioned
from model.store.store import VERSIONS, ModelStore


@dataclass(frozen=True, slots=True)
class Saved:
    """A network that was saved.

    Attributes:
        metadata: of it.
        folder: the store or the artifact.
        serves: whether `detect` would use it.
    """

    metadata: Metadata
    folder: Path
    serves: bool

    @property
    def next_command(self) -> str:
        """The command that puts it to use."""
        return "detect" if self.serves else f"models promote {self.metadata.model_version}"


def check_destination(folder: Path) -> None:
    """Check that a network can be saved, before any time is spent on training.

    Raises:
        StoreError: the folder holds something else than a store or an artifact, or is a version in
            a store.
        ArtifactError: the folder cannot be written.
    """
    check_unversioned(folder)
    place = folder if _is_artifact(folder) else ModelStore.create(folder).folder / VERSIONS / "new"
    check_replaceable(place)


def saved_in(folder: Path, save: Callable[[Path], Metadata]) -> Saved:
    """Save a network in a store, which is created if necessary, or in place of an artifact.

    Args:
        folder: of the store or the artifact.
        save: trains the network and saves it in the folder that it is called with.
    """
    if _is_artifact(folder):
        return Saved(save(folder), folder, serves=True)
    store = ModelStore.create(folder)
    with store.staging() as place:
        save(place)
        metadata = store.install(place, **signature())
    serves = store.version_in(Role.CHAMPION) == metadata.model_version
    return Saved(metadata, folder, serves)


def _is_artifact(folder: Path) -> bool:
    return (folder / METADATA).exists() or (folder / NETWORK).exists()
