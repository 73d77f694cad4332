"""Learn a network from labelled transactions in the order of time."""

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
from dataset.split import later
from model import artifact, network, threshold
from model.backend import compiled, import_keras, use_device, versions
from model.curve import OperatingCurve, Scored
from model.errors import TrainingError
from model.evaluation import evaluate
from model.metadata import FORMAT_VERSION, Metadata, Sample, Source
from model.threshold import Policy

if TYPE_CHECKING:
    import pandas as pd

EPOCHS = 6
BATCH = 2048
LEARNING_RATE = 1e-3
WEIGHT_DECAY = 1e-4

# Frauds are to be found tomorrow by what was learned until today, so the last rows judge.
HELD_OUT_SHARE = 0.2

DEFAULT_POLICY = Policy()

# Enough to scatter over the file's two days, few enough to be read in metadata.json.
SAMPLE_ROWS = 8


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained network and what is known about it (its checksum comes with saving)."""

    network: Any
    metadata: Metadata


def ignore(_amount: int) -> None:
    """Report progress to nobody."""


def train_and_save(
    frame: "pd.DataFrame",
    folder: Path,
    *,
    source: Source,
    weights: NDArray[np.float64] | None = None,
    policy: Policy = DEFAULT_POLICY,
    seed: int = 1,
    epochs: int = EPOCHS,
    progress: Callable[[int], None] = ignore,
) -> Metadata:
    """Train the default network and write its artifact; say what was written.

    Nothing is written before training is done, and then the whole artifact or nothing.

    Args:
        frame: rows as `dataset.reader.read` gives them, in the order of time.
        folder: where the artifact goes; an older artifact there is replaced.
        source: what the rows are.
        weights: how many transactions each row stands for, [rows]; None for one each.
        policy: what the threshold is chosen for.
        seed: of all randomness.
        epochs: how often each row is learned from.
        progress: called with 1 after each epoch.

    Raises:
        TrainingError: the rows or settings cannot be trained on.
        PolicyError: no threshold does what the policy asks for.
        ArtifactError: the folder cannot be written, or holds something else.
    """
    artifact.check_replaceable(folder)
    trained = train(
        frame,
        source=source,
        weights=weights,
        policy=policy,
        seed=seed,
        epochs=epochs,
        progress=progress,
    )
    return artifact.save(folder, trained.network, trained.metadata)


def train(
    frame: "pd.DataFrame",
    *,
    source: Source,
    weights: NDArray[np.float64] | None = None,
    policy: Policy = DEFAULT_POLICY,
    seed: int = 1,
    epochs: int = EPOCHS,
    progress: Callable[[int], None] = ignore,
) -> Trained:
    """Train the default network on the earlier rows; judge it on the later ones.

    The same rows, seed and settings give the same scores on one machine. Another processor,
    number of cores or version may add float32 sums in another order; each step builds on the
    last, so the network is then a slightly different one.

    Arguments and errors are those of `train_and_save`.
    """
    weight = np.ones(len(frame)) if weights is None else weights
    earlier, held_out = _split(frame, weights, epochs)
    keras = import_keras()
    use_device("auto")
    keras.utils.set_random_seed(seed)
    features, labels = _arrays(earlier)
    learned = weight[: len(earlier)]
    learner = network.build(
        features, fraud_share=float(np.average(labels, weights=learned)), weights=learned
    )
    _fit(learner, features, labels, learned, epochs, progress)
    score = compiled(learner)
    later_features, _ = _arrays(held_out)
    judged = Scored.of(held_out, score(later_features.astype(np.float32)), weight[len(earlier) :])
    chosen = threshold.choose(OperatingCurve.of(judged), policy)
    sample = _sample(frame)
    return Trained(
        # The same layers without the optimizer's memory, which is twice the size of the weights.
        keras.Model(learner.inputs[0], learner.outputs[0], name=learner.name),
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
            epochs=epochs,
            versions=versions(),
            held_out=evaluate(judged, chosen),
            sample=Sample(features=sample.tolist(), scores=score(sample).tolist()),
        ),
    )


def _split(
    frame: "pd.DataFrame", weights: NDArray[np.float64] | None, epochs: int
) -> tuple["pd.DataFrame", "pd.DataFrame"]:
    if epochs < 1:
        raise TrainingError(f"{epochs} epochs were asked for; training needs at least 1.")
    if len(frame) < 2:  # noqa: PLR2004 - one row to learn from and one to judge by
        raise TrainingError(f"{len(frame)} rows are too few to train on.")
    earlier, held_out = later(frame, HELD_OUT_SHARE, weights)
    for part, rows in (("earlier", earlier), ("later", held_out)):
        frauds = int(rows["Class"].sum())
        if not 0 < frauds < len(rows):
            raise TrainingError(
                f"The {part} {len(rows):,} of the {len(frame):,} rows hold {frauds:,} frauds; "
                "training needs frauds and legitimate transactions in the earlier 80 % and in "
                "the later 20 %: give it more rows."
            )
    return earlier, held_out


def _arrays(frame: "pd.DataFrame") -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    return frame[list(FEATURES)].to_numpy(np.float64), frame["Class"].to_numpy(np.float32)


def _fit(
    learner: Any,
    features: NDArray[np.float64],
    labels: NDArray[np.float32],
    weights: NDArray[np.float64],
    epochs: int,
    progress: Callable[[int], None],
) -> None:
    keras = import_keras()
    steps = epochs * -(-len(features) // BATCH)
    learner.compile(
        optimizer=keras.optimizers.AdamW(
            keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps), weight_decay=WEIGHT_DECAY
        ),
        loss="binary_crossentropy",
    )
    learner.fit(
        features.astype(np.float32),
        labels[:, None],
        # To a mean of 1, so that the learning rate means the same whatever a row stands for.
        sample_weight=(weights / weights.mean()).astype(np.float32),
        batch_size=BATCH,
        epochs=epochs,
        verbose=0,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: progress(1))],
    )


def _sample(frame: "pd.DataFrame") -> NDArray[np.float32]:
    """Return a few rows spread over the file, half of them frauds, as raw features."""
    half = SAMPLE_ROWS // 2
    fraud = frame["Class"].to_numpy() == 1
    chosen = [
        np.flatnonzero(kind)[np.linspace(0, kind.sum() - 1, half).astype(int)]
        for kind in (~fraud, fraud)
    ]
    rows = frame.iloc[np.unique(np.concatenate(chosen))]
    return rows[list(FEATURES)].to_numpy(np.float32)


def _with_checksum(source: Source, frame: "pd.DataFrame") -> Source:
    if source.sha256:
        return source
    values = np.ascontiguousarray(frame[[*FEATURES, "Class"]].to_numpy(np.float64))
    return msgspec.structs.replace(source, sha256=hashlib.sha256(values.tobytes()).hexdigest())
