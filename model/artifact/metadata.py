"""The contents of metadata.json as typed structs."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from model.drift_baseline import DriftBaseline
from model.evaluation.results import Evaluation, OperatingPoint
from model.evaluation.stored_curve import StoredCurve

HELD_OUT = "the held-out rows"

FORMAT_VERSION = 2
"""Raised when readers of the version before could not understand the file."""

Share = Annotated[float, Meta(ge=0, le=1)]


class DataSource(msgspec.Struct, frozen=True, kw_only=True):
    """Where the rows come from that a network was trained on.

    Attributes:
        name: for people, for example "creditcard.csv".
        sha256: of the file; "" for rows made in memory, until training hashes their values.
        synthetic: whether the rows are synthetic; None where that is unknown.
    """

    name: str
    sha256: str = ""
    synthetic: bool | None = None


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """A few rows with the scores that an intact copy of the network gives them.

    Attributes:
        features: raw features, [n, 30], in the order of `Metadata.feature_names`.
        scores: [n].
    """

    features: list[list[float]]
    scores: list[Share]


class Metadata(msgspec.Struct, frozen=True, kw_only=True):
    """Everything known about a trained network.

    Attributes:
        format_version: of this file, see `FORMAT_VERSION`.
        model_version: for people: day of training, the start of `model_sha256`, and the threshold
            if it was changed after the training.
        model_sha256: of model.keras, 64 hexadecimal digits.
        graph_sha256: of model.onnx; None where there is none.
        created: when training ended.
        feature_names: names and order of the input's columns.
        threshold: scores at or above it are flagged.
        threshold_policy: how it was chosen; its precision and recall are in `held_out`.
        source: of the training data.
        rows: in it, including those held out.
        transactions: represented by the rows: the sum of their weights.
        frauds: frauds among the rows.
        seed: of all randomness in training.
        recipe: its name.
        epochs: trained.
        history: of each epoch, by Keras's names ("loss", "val_roc_auc"); without the `val_`
            metrics where there were no validation rows.
        versions: of Python, Keras, its backend and numpy.
        held_out: metrics on rows that the evaluated network was not trained on; only the
            threshold was chosen on them.
        refitted: whether the network was afterwards trained on those rows too.
        prior: share of frauds that scores, metrics and threshold were corrected for; None where
            it is that of the rows.
        sample: for checking a loaded network.
        operating_points: on the same rows, the chosen one first, then those of other policies;
            older artifacts have none.
        curve: the operating curve of those rows; older artifacts have none.
        threshold_chosen_on: the rows that the policy was applied to, for people; None for a
            threshold that was given as a number.
        same_network_as: the first version with this network, where this one has another threshold.
        reference: what drift is measured against, held-out rows included; older artifacts have
            none.
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
    prior: float | None = None
    operating_points: list[OperatingPoint] = []
    reference: DriftBaseline | None = None
    graph_sha256: str | None = None
    curve: StoredCurve | None = None
    threshold_chosen_on: str | None = HELD_OUT
    same_network_as: str | None = None
