"""Artifacts of a network that nobody trained or loads: enough for a store, without TensorFlow."""

from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import msgspec

from dataset.columns import FEATURES
from model.artifact.card import card
from model.artifact.files import CARD, METADATA, NETWORK
from model.artifact.metadata import FORMAT_VERSION, DataSource, Metadata, Sample
from model.evaluation.curve import OperatingCurve
from model.evaluation.evaluate import evaluate
from model.evaluation.operating_points import operating_points
from model.evaluation.stored_curve import StoredCurve
from model.evaluation.threshold import Policy
from tests.support.scored import STEPS

CREATED = datetime(2026, 11, 28, 12, tzinfo=UTC)


def metadata(network: bytes = b"network", *, threshold: float = 0.7) -> Metadata:
    """Return metadata whose held-out rows are `STEPS`."""
    checksum = sha256(network).hexdigest()
    policy = Policy("precision", 0.7)
    return Metadata(
        format_version=FORMAT_VERSION,
        model_version=f"{CREATED:%Y-%m-%d}.{checksum[:8]}",
        model_sha256=checksum,
        created=CREATED,
        feature_names=FEATURES,
        threshold=threshold,
        threshold_policy=policy.sentence,
        source=DataSource(name="made up for tests", synthetic=True),
        rows=100,
        transactions=100.0,
        frauds=10,
        seed=1,
        recipe="champion",
        epochs=1,
        history=[{"loss": 0.5}],
        versions={"keras": "3"},
        held_out=evaluate(STEPS, threshold, resamples=1),
        sample=Sample(features=[[0.0] * len(FEATURES)], scores=[0.5]),
        curve=StoredCurve.of(OperatingCurve.of(STEPS)),
        operating_points=operating_points(OperatingCurve.of(STEPS), policy, threshold),
    )


def write_artifact(folder: Path, network: bytes = b"network", *, threshold: float = 0.7) -> str:
    """Write an artifact and return its version."""
    described = metadata(network, threshold=threshold)
    folder.mkdir(parents=True)
    (folder / NETWORK).write_bytes(network)
    (folder / METADATA).write_bytes(msgspec.json.encode(described))
    (folder / CARD).write_text(card(described))
    return described.model_version
