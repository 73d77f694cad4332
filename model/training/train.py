"""Train a recipe on labelled transactions: split, fit, choose a threshold, judge, describe."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from dataset.columns import FEATURES
from model.artifact import save as artifact
from model.artifact.metadata import FORMAT_VERSION, DataSource, Metadata, Sample
from model.drift_baseline import DriftBaseline
from model.errors import TrainingError
from model.evaluation import threshold
from model.evaluation.curve import OperatingCurve, Scored
from model.evaluation.evaluate import evaluate
from model.evaluation.operating_points import operating_points
from model.evaluation.threshold import Policy
from model.plots import initial_bias as bias
from model.plots.gallery import Picture, Rendered, gallery, rendered
from model.recipes import RECIPES
from model.recipes.champion import CHAMPION
from model.recipes.recipe import Recipe
from model.serving.backend import Score, compiled, use_device, versions
from model.training.fit import fit
from model.training.rows import Rows
from model.training.split import split

if TYPE_CHECKING:
    import pandas as pd

DEFAULT_POLICY = Policy()

# Enough to scatter over the file's two days, few enough to be read in metadata.json.
SAMPLE_ROWS = 8

PART_ROWS = 16_384


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained network, what is known about it, and what it was judged on.

    Attributes:
        network: with its preprocessing.
        metadata: without a checksum, which comes with saving.
        judged: the held-out rows, with the scores of a network that never saw them: where the
            recipe is refitted, of the one before.
    """

    network: Any
    metadata: Metadata
    judged: Scored


def ignore(_amount: int) -> None:
    """Report progress to nobody."""


def train_and_save(
    frame: "pd.DataFrame",
    folder: Path,
    *,
    source: DataSource,
    weights: NDArray[np.float64] | None = None,
    recipe: Recipe = CHAMPION,
    policy: Policy = DEFAULT_POLICY,
    seed: int = 1,
    epochs: int | None = None,
    progress: Callable[[int], None] = ignore,
    pictures: bool = False,
) -> Metadata:
    """Train a recipe and write its artifact; say what was written.

    Nothing is written before training is done, and then the whole artifact or nothing.

    Args:
        frame: rows as `dataset.reader.read` gives them, in the order of time.
        folder: where the artifact goes; an older artifact there is replaced.
        source: what the rows are.
        weights: how many transactions each row stands for, [rows]; None for one each.
        recipe: what is trained, and how.
        policy: what the threshold is chosen for.
        seed: of all randomness.
        epochs: how often each row is learned from, at most; None for as often as the recipe says.
        progress: called with 1 after each epoch.
        pictures: whether the artifact has some.

    Raises:
        TrainingError: the rows or settings cannot be trained on.
        MissingExtraError: matplotlib is not installed, and pictures are wanted.
        PolicyError: no threshold does what the policy asks for.
        ArtifactError: the folder cannot be written, or holds something else.
    """
    artifact.check_replaceable(folder)
    trained = train(
        frame,
        source=source,
        weights=weights,
        recipe=recipe,
        policy=policy,
        seed=seed,
        epochs=epochs,
        progress=progress,
    )
    drawn: list[Rendered] = []
    if pictures:
        drawn = rendered(pictures_of(trained, frame, weights=weights, progress=progress))
    return artifact.save(folder, trained.network, trained.metadata, drawn)


def pictures_of(
    trained: Trained,
    frame: "pd.DataFrame",
    *,
    weights: NDArray[np.float64] | None = None,
    progress: Callable[[int], None] = ignore,
) -> list[Picture]:
    """Return the pictures of a network that was trained on these rows.

    Where the recipe's author began with a careful bias, it is trained with and without, for the
    picture of their losses.

    Args:
        trained: the network.
        frame: the rows that `train` was given.
        weights: of those.
        progress: called with 1 after each epoch of the two.
    """
    weight = np.ones(len(frame)) if weights is None else weights
    metadata, recipe = trained.metadata, RECIPES[trained.metadata.recipe]
    pictures = gallery(frame, weight, trained.network, metadata, trained.judged)
    if bias.has_picture(recipe):
        found = bias.losses(recipe, frame, weight, seed=metadata.seed, progress=progress)
        pictures.append(bias.picture(found))
    return pictures


def train(
    frame: "pd.DataFrame",
    *,
    source: DataSource,
    weights: NDArray[np.float64] | None = None,
    recipe: Recipe = CHAMPION,
    policy: Policy = DEFAULT_POLICY,
    seed: int = 1,
    epochs: int | None = None,
    progress: Callable[[int], None] = ignore,
) -> Trained:
    """Train a recipe on some of the rows; judge it on the others; learn from those too, if it does.

    The same rows, seed and settings give the same scores on one machine. Another processor,
    number of cores or version may add float32 sums in another order; each step builds on the
    last, so the network is then a slightly different one.

    Arguments and errors are those of `train_and_save`.
    """
    if epochs is not None and epochs < 1:
        raise TrainingError(f"{epochs} epochs were asked for; training needs at least 1.")
    weight = np.ones(len(frame)) if weights is None else weights
    parts = split(frame, recipe, weights, seed)
    use_device("auto")
    learned, validation = (
        Rows.of(frame.iloc[part], weight[part]) for part in (parts.learned, parts.validation)
    )
    fitted = fit(recipe, learned, validation, seed=seed, epochs=epochs, progress=progress)
    held_out = frame.iloc[parts.test]
    scores = compiled(fitted.network)(held_out[list(FEATURES)].to_numpy(np.float32))
    judged = Scored.of(held_out, scores, weight[parts.test])
    curve = OperatingCurve.of(judged)
    chosen = threshold.choose(curve, policy)
    network = fitted.network
    if recipe.refitted:
        everything = Rows.of(frame, weight)
        network = fit(recipe, everything, None, seed=seed, epochs=epochs, progress=progress).network
    score, features = compiled(network), frame[list(FEATURES)].to_numpy(np.float32)
    sample = features[_sampled(frame)]
    return Trained(
        network,
        Metadata(
            format_version=FORMAT_VERSION,
            model_version="",
            model_sha256="",
            created=datetime.now(UTC).replace(microsecond=0),
            feature_names=FEATURES,
            threshold=chosen,
            threshold_policy=policy.sentence,
            source=_with_checksum(source, frame),
            rows=len(frame),
            transactions=float(weight.sum()),
            frauds=int(frame["Class"].sum()),
            seed=seed,
            recipe=recipe.name,
            refitted=recipe.refitted,
            epochs=len(fitted.history),
            history=fitted.history,
            versions=versions(),
            held_out=evaluate(judged, chosen),
            sample=Sample(features=sample.tolist(), scores=score(sample).tolist()),
            operating_points=operating_points(curve, policy, chosen),
            reference=DriftBaseline.of(features, _in_parts(score, features), weight),
        ),
        judged,
    )


def _sampled(frame: "pd.DataFrame") -> NDArray[np.intp]:
    """Return the numbers of a few rows spread over the file, half of them frauds."""
    half = SAMPLE_ROWS // 2
    fraud = frame["Class"].to_numpy() == 1
    chosen = [
        np.flatnonzero(kind)[np.linspace(0, kind.sum() - 1, half).astype(int)]
        for kind in (~fraud, fraud)
    ]
    return np.unique(np.concatenate(chosen))


def _in_parts(score: Score, features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the scores, [n]; a layer of 256 outputs for all rows at once would be 300 MB."""
    parts = range(0, len(features), PART_ROWS)
    return np.concatenate([score(features[at : at + PART_ROWS]) for at in parts])


def _with_checksum(source: DataSource, frame: "pd.DataFrame") -> DataSource:
    if source.sha256:
        return source
    values = np.ascontiguousarray(frame[[*FEATURES, "Class"]].to_numpy(np.float64))
    return msgspec.structs.replace(source, sha256=hashlib.sha256(values.tobytes()).hexdigest())
