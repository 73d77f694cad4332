"""What an artifact says of itself: metadata.json as typed structs."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from dataset.columns import SHA256
from dataset.reader import sha256
from model.drift_baseline import DriftBaseline
from model.evaluation.evaluate import Evaluation
from model.evaluation.operating_points import OperatingPoint

FORMAT_VERSION = 2
"""Raised when another version's reader could not understand what is written."""

Share = Annotated[float, Meta(ge=0, le=1)]


class DataSource(msgspec.Struct, frozen=True, kw_only=True):
    """What a network was trained on.

    Attributes:
        name: for a reader, for example "creditcard.csv".
        sha256: of the file; "" where the rows were made in memory, until their values are hashed.
        synthetic: whether the rows are made up; None where that is not known.
    """

    name: str
    sha256: str = ""
    synthetic: bool | None = None

    @classmethod
    def of(cls, data: Path) -> "DataSource":
        """Return what a file is: the published one is known by its checksum, no other is."""
        checksum = sha256(data)
        return cls(name=data.name, sha256=checksum, synthetic=False if checksum == SHA256 else None)


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """A few rows and the scores that a faithful copy of the network gives them.

    Attributes:
        features: raw features, [n, 30], in the order of `Metadata.feature_names`.
        scores: [n].
    """

    features: list[list[float]]
    scores: list[Share]


class Metadata(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known about a trained network.

    Attributes:
        format_version: of this file, see `FORMAT_VERSION`.
        model_version: for people: day of training, and the start of `model_sha256`.
        model_sha256: of model.keras, 64 hexadecimal digits.
        created: when training ended.
        feature_names: names and order of the input's columns.
        threshold: scores at or above it are flagged.
        threshold_policy: how it was chosen; its precision and recall are in `held_out`.
        source: what was trained on.
        rows: in it, those held out included.
        transactions: that the rows stand for: the sum of their weights.
        frauds: frauds among them.
        seed: of all randomness in training.
        recipe: the name of what was trained.
        epochs: how often each row was learned from.
        history: of each epoch, by Keras's names ("loss", "val_roc_auc"); fewer figures where
            nothing was looked at meanwhile.
        versions: of Python, Keras, its backend and numpy.
        held_out: figures on rows from which nothing but the threshold was learned when they
            judged.
        refitted: whether the network learned from those rows too, afterwards.
        sample: what a loaded network is checked against.
        operating_points: on the same rows, the chosen one first, then those that other policies
            would choose; older artifacts have none.
        reference: what drift is told by, the rows held out included; older artifacts have none.
    """

    format_version: int
    model_version: str
    model_sha256: str
    created: datetime
    feature_names: tuple[str, ...]
    threshold: Share
    threshold_policy: str
    source: DataSource
    rows: int
    transactions: float
    frauds: int
    seed: int
    recipe: str
    epochs: int
    history: list[dict[str, float]]
    versions: dict[str, str]
    held_out: Evaluation
    sample: Sample
    refitted: bool = False
    operating_points: list[OperatingPoint] = []
    reference: DriftBaseline | None = None
