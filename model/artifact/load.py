"""Load an artifact: its metadata, then its network or graph, then a check of the scores.

`load_network` imports Keras; `load_graph` imports onnxruntime and no Keras.
"""

import hashlib
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from dataset.columns import FEATURES
from model.artifact.files import GRAPH, METADATA, NETWORK
from model.artifact.metadata import FORMAT_VERSION, Metadata
from model.errors import ArtifactError, ArtifactMissingError, GraphMissingError, MissingExtraError
from model.serving.backend import ScoreFunction, import_keras
from model.serving.graph import graph_scores

# Scores are float32 and come out of sums of up to 256 products. Other processors and versions
# add in another order, which changes a score by 1e-7 to 1e-6.
SCORE_TOLERANCE = 1e-5


def load_metadata(folder: Path) -> Metadata:
    """Return an artifact's metadata, checked for format and features.

    Raises:
        ArtifactMissingError: there is no such folder.
        ArtifactError: the metadata cannot be read, have another format, or name other features.
    """
    if not folder.is_dir():
        raise ArtifactMissingError(f"There is no artifact at {folder}: train a network first.")
    path = folder / METADATA
    payload = _read(path)
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
            f"{path} has a drift baseline of {len(metadata.reference.features)} features instead "
            f"of {len(FEATURES)}: train again."
        )
    return metadata


def load_network(folder: Path, metadata: Metadata) -> Any:
    """Return an artifact's Keras network, not compiled for training.

    Raises:
        ArtifactError: model.keras is missing, changed since it was saved, or cannot be loaded.
    """
    path = folder / NETWORK
    _read_described(path, metadata.model_sha256)
    keras = import_keras()
    try:
        network = keras.saving.load_model(path, compile=False, safe_mode=True)
        width = network.input_shape[-1]
    except Exception as error:
        # Keras raises nearly any exception for a file that it cannot load.
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


def load_graph(folder: Path, metadata: Metadata) -> ScoreFunction:
    """Return an artifact's ONNX graph as a function of raw features.

    Raises:
        GraphMissingError: the artifact was saved without one.
        ArtifactError: model.onnx is missing, changed since it was saved, or cannot be loaded.
        MissingExtraError: onnxruntime is not installed.
    """
    if metadata.graph_sha256 is None:
        raise GraphMissingError(f"The artifact {folder} has no {GRAPH}: train again.")
    graph = _read_described(folder / GRAPH, metadata.graph_sha256)
    try:
        return graph_scores(graph)
    except MissingExtraError:
        raise
    except Exception as error:
        # Among them errors of onnxruntime's own, which derive from nothing narrower.
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise ArtifactError(f"onnxruntime cannot load {folder / GRAPH}: {reason}") from error


def check_scores(folder: Path, metadata: Metadata, score: ScoreFunction) -> None:
    """Check that a network gives the sample rows the scores that it gave them in training.

    Raises:
        ArtifactError: a score differs by more than `SCORE_TOLERANCE`, or the sample is incomplete.
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


def _read_described(path: Path, sha256: str) -> bytes:
    """Return the contents of a file after checking that they are those of the metadata."""
    contents = _read(path)
    checksum = hashlib.sha256(contents).hexdigest()
    if checksum != sha256:
        raise ArtifactError(
            f"{path} is not the file that {METADATA} describes (its SHA-256 begins with "
            f"{checksum[:12]}, not {sha256[:12]}): copy the artifact again."
        )
    return contents


class _Format(msgspec.Struct):
    """The part of metadata.json that every format has."""

    format_version: int


def _check_features(path: Path, names: tuple[str, ...]) -> None:
    if names == FEATURES:
        return
    if sorted(names) == sorted(FEATURES):
        pairs = enumerate(zip(names, FEATURES, strict=True), start=1)
        number, (name, expected) = next((place, pair) for place, pair in pairs if len({*pair}) > 1)
        raise ArtifactError(
            f"{path} has the features in another order: number {number} is {name} and "
            f"not {expected}; train again."
        )
    other = sorted(set(names) ^ set(FEATURES), key=[*FEATURES, *names].index)
    raise ArtifactError(
        f"{path} has {len(names)} other features than the {len(FEATURES)} of a transaction "
        f"({', '.join(other[:3]) or 'some are named twice'}); train again."
    )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise ArtifactError(
            f"{path} is missing, so {path.parent} is not a whole artifact: train again, or copy "
            "it again."
        ) from None
    except OSError as error:
        raise ArtifactError(f"{path} cannot be read: {error.strerror or error}.") from None
