"""Train a recipe on labelled transactions: split, fit, choose a threshold, evaluate, describe."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from dataset.columns import FEATURES
from model.artifact.metadata import FORMAT_VERSION, DataSource, Metadata, Sample
from model.drift_baseline import DriftBaseline
from model.evaluation.curve import OperatingCurve, Scored
from model.evaluation.evaluate import evaluate
from model.evaluation.operating_points import operating_points
from model.evaluation.stored_curve import StoredCurve
from model.evaluation.threshold import choose
from model.labelled import Labelled
from model.serving.backend import (
    ScoreFunction,
    compiled,
    score_in_batches,
    use_device,
    versions,
)
from model.training.fit import Epoch, Fitted, fit
from model.training.plan import TrainingPlan
from model.training.prior import add_to_log_odds, shift
from model.training.split import split

# Enough to cover the file's two days, few enough to be readable in metadata.json.
SAMPLE_ROWS = 8


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained network with its metadata.

    Attributes:
        network: with its preprocessing.
        metadata: without version and checksum, which it gets when it is saved.
        held_out: the held-out rows, with the scores of a network that was not trained on them
            (where the plan refits, the network before that).
    """

    network: Any
    metadata: Metadata
    held_out: Scored


def ignore(_amount: int) -> None:
    """Discard progress."""


def train(
    rows: Labelled,
    plan: TrainingPlan,
    *,
    source: DataSource,
    progress: Callable[[int], None] = ignore,
) -> Trained:
    """Train a network, evaluate it on held-out rows and, if planned, train one on all rows.

    The same rows and plan give the same scores on one machine. Another processor, number of cores
    or version may add float32 sums in another order; since each step builds on the one before,
    the network is then a slightly different one.

    Args:
        rows: in the order of time.
        plan: the choices.
        source: of the rows, for the metadata.
        progress: called with 1 after each epoch.

    Raises:
        TrainingError: the rows cannot be trained on.
        PolicyError: no threshold satisfies the policy.
        DeviceError: the network cannot run on the plan's device.
    """
    parts = split(rows, plan.recipe, plan.seed)
    use_device(plan.device)
    validation = rows.take(parts.validation)
    fitted = _fit(rows.take(parts.train), validation, plan, progress)
    network, score, test = fitted.network, compiled(fitted.network), rows.take(parts.test)
    held_out = Scored.of(_at_prior(test, plan), score(test.inputs))
    if plan.refits:
        network = _fit(rows, None, plan, progress).network
        score = compiled(network)
    metadata = _metadata(rows, plan, source, held_out, score, fitted.history)
    return Trained(network, metadata, held_out)


def _fit(
    rows: Labelled,
    validation: Labelled | None,
    plan: TrainingPlan,
    progress: Callable[[int], None],
) -> Fitted:
    fitted = fit(
        plan.recipe, rows, validation, seed=plan.seed, epochs=plan.epochs, progress=progress
    )
    if plan.prior is not None:
        add_to_log_odds(fitted.network, shift(plan.recipe, rows, plan.prior))
    return fitted


def _at_prior(rows: Labelled, plan: TrainingPlan) -> Labelled:
    return rows if plan.prior is None else rows.at_share(plan.prior)


def _metadata(
    rows: Labelled,
    plan: TrainingPlan,
    source: DataSource,
    held_out: Scored,
    score: ScoreFunction,
    history: list[Epoch],
) -> Metadata:
    curve = OperatingCurve.of(held_out)
    threshold = choose(curve, plan.policy)
    inputs = rows.inputs
    sample = inputs[_sample_rows(rows)]
    return Metadata(
        format_version=FORMAT_VERSION,
        model_version="",
        model_sha256="",
        created=datetime.now(UTC).replace(microsecond=0),
        feature_names=FEATURES,
        threshold=threshold,
        threshold_policy=plan.policy.sentence,
        source=_with_checksum(source, rows),
        rows=len(rows),
        transactions=rows.transactions,
        frauds=int(rows.labels.sum()),
        seed=plan.seed,
        recipe=plan.recipe.name,
        refitted=plan.refits,
        prior=plan.prior,
        epochs=len(history),
        history=history,
        versions=versions(),
        held_out=evaluate(held_out, threshold),
        sample=Sample(features=sample.tolist(), scores=score(sample).tolist()),
        operating_points=operating_points(curve, plan.policy, threshold),
        curve=StoredCurve.of(curve),
        reference=DriftBaseline.of(
            inputs, score_in_batches(score, inputs), _at_prior(rows, plan).weights
        ),
    )


def _sample_rows(rows: Labelled) -> NDArray[np.intp]:
    """Return the numbers of a few rows spread over the file, half of them frauds."""
    half = SAMPLE_ROWS // 2
    chosen = [
        np.flatnonzero(kind)[np.linspace(0, kind.sum() - 1, half).astype(int)]
        for kind in (~rows.fraud, rows.fraud)
    ]
    return np.unique(np.concatenate(chosen))


def _with_checksum(source: DataSource, rows: Labelled) -> DataSource:
    if source.sha256:
        return source
    values = np.column_stack([rows.features, rows.labels])
    return msgspec.structs.replace(source, sha256=hashlib.sha256(values.tobytes()).hexdigest())
