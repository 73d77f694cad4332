"""The artifact: a folder of network, metadata, model card and pictures, whole or not at all."""

import errno
import hashlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from dataset.columns import FEATURES
from model.artifact.card import card
from model.artifact.metadata import FORMAT_VERSION, Metadata
from model.errors import ArtifactError
from model.plots.gallery import Rendered
from model.serving.backend import Score, import_keras

NETWORK = "model.keras"
METADATA = "metadata.json"
CARD = "README.md"
PICTURES = "pictures"

# Scores are float32 and come out of sums of up to 256 products; other processors and versions
# add them in another order, which is good for 1e-7 to 1e-6.
SCORE_TOLERANCE = 1e-5


def save(
    folder: Path, network: Any, metadata: Metadata, pictures: Sequence[Rendered] = ()
) -> Metadata:
    """Write the artifact and return its metadata, with checksum and version of the model.

    The pictures, if any, lie in a folder of their own, and the model card shows them.

    The files are written into a hidden folder beside it, brought to the disk, and then put in
    place by renaming: an interruption or a full disk leaves the older artifact as it was. (Between
    the two renamings of a replacement, microseconds, only the hidden copies exist.)

    Raises:
        ArtifactError: the folder holds something else than an artifact, or cannot be written.
    """
    check_replaceable(folder)
    place = folder.resolve()
    with _told(folder), _temporary(place) as new:
        network.save(new / NETWORK)
        checksum = _sha256(new / NETWORK)
        metadata = msgspec.structs.replace(
            metadata,
            model_sha256=checksum,
            model_version=f"{metadata.created:%Y-%m-%d}.{checksum[:8]}",
        )
        text = msgspec.json.format(msgspec.json.encode(metadata), indent=1)
        (new / METADATA).write_bytes(text + b"\n")
        (new / CARD).write_text(card(metadata, pictures), encoding="utf-8")
        _write_pictures(new / PICTURES, pictures)
        for path in (*new.rglob("*"), new):
            _sync(path)
        _put(new, place)
    return metadata


def check_replaceable(folder: Path) -> None:
    """Refuse a place where the artifact cannot go, before any time is spent on training.

    Raises:
        ArtifactError: the folder holds something else than an artifact, which would be lost; or
            it is no folder; or nothing can be written beside it.
    """
    with _told(folder):
        try:
            found = {path.name for path in folder.iterdir()}
        except FileNotFoundError:
            found = set()
        except NotADirectoryError:
            raise ArtifactError(
                f"{folder} is not a folder; an artifact is one, so name another place."
            ) from None
    strange = sorted(found - {NETWORK, METADATA, CARD, PICTURES})
    if strange:
        raise ArtifactError(
            f"{folder} holds {strange[0]}, which is no part of an artifact and would be lost: "
            "name a new folder, or one with an older artifact in it."
        )
    beside = next(parent for parent in folder.resolve().parents if parent.exists())
    with _told(folder), tempfile.TemporaryDirectory(dir=beside):
        pass  # so it can be written there


def load_metadata(folder: Path) -> Metadata:
    """Return what an artifact says of itself, checked against what this version understands.

    Raises:
        ArtifactError: there is no artifact, its metadata cannot be read or are of another format,
            or it wants other features.
    """
    if not folder.is_dir():
        raise ArtifactError(
            f"There is no artifact at {folder}: `fraudstream train --model {folder}` makes one."
        )
    path = folder / METADATA
    payload = _bytes(path)
    try:
        version = msgspec.json.decode(payload, type=_Format).format_version
        if version != FORMAT_VERSION:
            way = "upgrade fraudstream, or train" if version > FORMAT_VERSION else "train"
            raise ArtifactError(
                f"{path} has format {version} and this fraudstream reads {FORMAT_VERSION}: {way} "
                "again with this one."
            )
        metadata = msgspec.json.decode(payload, type=Metadata)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ArtifactError(f"{path} is not an artifact's metadata: {error}.") from error
    _check_features(path, metadata.feature_names)
    if metadata.reference and len(metadata.reference.features) != len(FEATURES):
        raise ArtifactError(
            f"{path} has a reference of {len(metadata.reference.features)} features and not of "
            f"{len(FEATURES)}, so drift cannot be told: train again."
        )
    return metadata


def load_network(folder: Path, metadata: Metadata) -> Any:
    """Return the network, compiled for nothing, of an artifact whose metadata are known.

    Raises:
        ArtifactError: model.keras is missing, changed since it was saved, or not to be loaded.
    """
    path = folder / NETWORK
    checksum = hashlib.sha256(_bytes(path)).hexdigest()
    if checksum != metadata.model_sha256:
        raise ArtifactError(
            f"{path} is not the file that {METADATA} describes (its SHA-256 begins with "
            f"{checksum[:12]}, not {metadata.model_sha256[:12]}): copy the artifact again."
        )
    keras = import_keras()
    try:
        network = keras.saving.load_model(path, compile=False, safe_mode=True)
        width = network.input_shape[-1]
    except Exception as error:
        # Keras raises nearly anything on a file that it cannot make sense of.
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise ArtifactError(
            f"Keras {keras.__version__} cannot load {path} (saved by Keras "
            f"{metadata.versions.get('keras', 'of an unknown version')}): {reason}"
        ) from error
    if width != len(metadata.feature_names):
        raise ArtifactError(
            f"{path} takes {width} features and {METADATA} names {len(metadata.feature_names)}: "
            "train again."
        )
    return network


def check_scores(folder: Path, metadata: Metadata, score: Score) -> None:
    """Refuse a network that does not give the sample rows the scores that training saw.

    Raises:
        ArtifactError: a score is off by more than `SCORE_TOLERANCE`, or the sample is unfit.
    """
    sample = metadata.sample
    widths = {len(row) for row in sample.features}
    if widths != {len(FEATURES)} or len(sample.features) != len(sample.scores):
        raise ArtifactError(f"{folder / METADATA} has an incomplete sample: train again.")
    features = np.asarray(sample.features, np.float32)
    difference = np.abs(score(features) - np.asarray(sample.scores, np.float32)).max()
    if not difference <= SCORE_TOLERANCE:
        raise ArtifactError(
            f"The network in {folder} scores its sample differently here than in training (by "
            f"{difference:.1e}, more than {SCORE_TOLERANCE:.0e}), so it cannot be trusted: train "
            "again on this machine."
        )


class _Format(msgspec.Struct):
    """What can be read of any format."""

    format_version: int


def _write_pictures(folder: Path, pictures: Sequence[Rendered]) -> None:
    if not pictures:
        return
    folder.mkdir()
    for picture in pictures:
        (folder / f"{picture.name}-light.png").write_bytes(picture.light)
        (folder / f"{picture.name}-dark.png").write_bytes(picture.dark)


def _check_features(path: Path, names: tuple[str, ...]) -> None:
    if names == FEATURES:
        return
    if sorted(names) == sorted(FEATURES):
        place = next(
            i for i, pair in enumerate(zip(names, FEATURES, strict=True)) if len({*pair}) > 1
        )
        raise ArtifactError(
            f"{path} has the features in another order: number {place + 1} is {names[place]} and "
            f"not {FEATURES[place]}; train again."
        )
    other = sorted(set(names) ^ set(FEATURES), key=[*FEATURES, *names].index)
    raise ArtifactError(
        f"{path} has {len(names)} other features than the {len(FEATURES)} of a transaction "
        f"({', '.join(other[:3]) or 'some are named twice'}); train again."
    )


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise ArtifactError(
            f"{path} is missing, so {path.parent} is not a whole artifact: train again, or copy "
            "it again."
        ) from None
    except OSError as error:
        raise ArtifactError(f"{path} cannot be read: {error.strerror or error}.") from None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    """Turn what the system says about writing into one sentence."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            reason = "the disk is full; make room (1 MB is plenty) or name a folder elsewhere"
        else:
            reason = f"{error.strerror or error}; name a folder that this user may write"
        raise ArtifactError(f"The artifact {folder} cannot be written: {reason}.") from error


@contextmanager
def _temporary(place: Path) -> Iterator[Path]:
    """Make a hidden folder beside the place; remove it if it is still there afterwards."""
    place.parent.mkdir(parents=True, exist_ok=True)
    new = place.with_name(f".{place.name}.{secrets.token_hex(4)}")
    new.mkdir()
    try:
        yield new
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _put(new: Path, place: Path) -> None:
    """Rename `new` to `place`; what stood there comes back if that fails, and goes if not."""
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
    _sync(place.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
