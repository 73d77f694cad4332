"""Write an artifact, whole or not at all: network, metadata, model card and plots."""

import errno
import hashlib
import logging
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from model.artifact.card import card
from model.artifact.files import CARD, GRAPH, METADATA, NETWORK, PLOTS
from model.artifact.graph import checked_graph
from model.artifact.metadata import Metadata
from model.disk import sync
from model.errors import ArtifactError, GraphError, MissingExtraError
from model.plots.plot import RenderedPlot

logger = logging.getLogger(__name__)


def save(
    folder: Path, network: Any, metadata: Metadata, plots: Sequence[RenderedPlot] = ()
) -> Metadata:
    """Write an artifact and return its metadata, with checksums and version of the model.

    Beside the network lies its ONNX graph, unless it has no translation, which is logged.
    The plots, if any, lie in a folder of their own, and the model card shows them.

    The files are written to a hidden folder beside it, synced to disk, and then renamed into
    place: an interruption or a full disk leaves the older artifact as it was. (Between the two
    renamings of a replacement, microseconds, only the hidden copies exist.)

    Raises:
        ArtifactError: the folder holds something other than an artifact, or cannot be written.
    """
    check_replaceable(folder)
    place = folder.resolve()
    with _explained(folder), _temporary(place) as new:
        network.save(new / NETWORK)
        checksum = _sha256(new / NETWORK)
        metadata = msgspec.structs.replace(
            metadata,
            model_sha256=checksum,
            model_version=f"{metadata.created:%Y-%m-%d}.{checksum[:8]}",
            graph_sha256=_write_graph(new / GRAPH, network, metadata),
        )
        write_description(new, metadata, plots)
        _write_plots(new / PLOTS, plots)
        for path in (*new.rglob("*"), new):
            sync(path)
        _replace(new, place)
    return metadata


def write_description(folder: Path, metadata: Metadata, plots: Sequence[RenderedPlot] = ()) -> None:
    """Write metadata.json and the model card."""
    text = msgspec.json.format(msgspec.json.encode(metadata), indent=1)
    (folder / METADATA).write_bytes(text + b"\n")
    (folder / CARD).write_text(card(metadata, plots), encoding="utf-8")


def check_replaceable(folder: Path) -> None:
    """Check that an artifact can be written to a folder, before any time is spent on training.

    Raises:
        ArtifactError: the folder holds something other than an artifact, which would be lost; or
            it is a file; or it cannot be written.
    """
    with _explained(folder):
        try:
            names = {path.name for path in folder.iterdir()}
        except FileNotFoundError:
            names = set()
        except NotADirectoryError:
            raise ArtifactError(
                f"{folder} is not a folder, and an artifact is one: choose another place."
            ) from None
    unknown = sorted(names - {NETWORK, GRAPH, METADATA, CARD, PLOTS})
    if unknown:
        raise ArtifactError(
            f"{folder} holds {unknown[0]}, which is no part of an artifact and would be lost: "
            "choose a new folder, or one with an older artifact in it."
        )
    parent = next(parent for parent in folder.resolve().parents if parent.exists())
    with _explained(folder), tempfile.TemporaryDirectory(dir=parent):
        pass  # the parent folder is writable


def _write_graph(path: Path, network: Any, metadata: Metadata) -> str | None:
    """Write the network's ONNX graph and return its checksum; None where there is none."""
    try:
        graph = checked_graph(network, metadata.sample)
    except (GraphError, MissingExtraError) as error:
        logger.warning("Saved without %s, so detectors need Keras: %s", path.name, error)
        return None
    path.write_bytes(graph)
    return _sha256(path)


def _write_plots(folder: Path, plots: Sequence[RenderedPlot]) -> None:
    if not plots:
        return
    folder.mkdir()
    for plot in plots:
        (folder / f"{plot.name}-light.png").write_bytes(plot.light)
        (folder / f"{plot.name}-dark.png").write_bytes(plot.dark)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    """Turn an OSError into an ArtifactError of one sentence."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            reason = "the disk is full; make room (1 MB is plenty) or choose a folder elsewhere"
        else:
            reason = f"{error.strerror or error}; choose a folder that this user may write"
        raise ArtifactError(f"The artifact {folder} cannot be written: {reason}.") from error


@contextmanager
def _temporary(place: Path) -> Iterator[Path]:
    """Make a hidden folder beside the place, and remove it afterwards unless it was renamed."""
    place.parent.mkdir(parents=True, exist_ok=True)
    new = place.with_name(f".{place.name}.{secrets.token_hex(4)}")
    new.mkdir()
    try:
        yield new
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _replace(new: Path, place: Path) -> None:
    """Rename `new` to `place`; an older folder there is restored if that fails, else removed."""
    older = new.with_name(f"{new.name}.older")
    try:
        place.rename(older)
    except FileNotFoundError:
        new.rename(place)
    else:
        try:
            new.rename(place)
        except BaseException:
            older.rename(place)
            raise
        shutil.rmtree(older, ignore_errors=True)
    sync(place.parent)
