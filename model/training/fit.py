"""Fit a recipe's network to rows: the loss, its weights, the batches, when to stop."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.recipes.recipe import Recipe
from model.serving.backend import import_keras
from model.training import network
from model.training.rows import Rows

Epoch = dict[str, float]
"""What an epoch came to, by Keras's names: "loss", "roc_auc", "val_loss", ..."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A network that has learned.

    Attributes:
        network: without the optimizer's memory, which is twice the size of the weights.
        history: of each epoch, the first one first.
    """

    network: Any
    history: list[Epoch]


def fit(
    recipe: Recipe,
    rows: Rows,
    validation: Rows | None,
    *,
    seed: int,
    epochs: int | None = None,
    progress: Callable[[int], None],
) -> Fitted:
    """Fit the recipe's network.

    Args:
        recipe: what to do.
        rows: to learn from, frauds and legitimate ones.
        validation: looked at after each epoch, for early stopping where the recipe stops early,
            else for the history alone; None to look at nothing (and stop early at nothing).
        seed: of all randomness.
        epochs: at most; None for as many as the recipe says.
        progress: called with 1 after each epoch.
    """
    keras = import_keras()
    keras.utils.set_random_seed(seed)
    learner = network.build(recipe, rows)
    most = epochs or recipe.epochs
    examples = _Examples.of(rows)
    steps = recipe.steps or -(-len(examples.labels) // recipe.batch)
    learner.compile(
        optimizer=_optimizer(keras, recipe, steps * most),
        loss="binary_crossentropy",
        # Without weights: a fraud that counts more in the loss is still one fraud.
        metrics=_metrics(keras) if validation else [],
    )
    told = [keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: progress(1))]
    if recipe.patience is not None and validation:
        told.append(
            keras.callbacks.EarlyStopping(
                monitor="val_roc_auc",
                mode="max",
                patience=recipe.patience,
                restore_best_weights=True,
            )
        )
    checked = _Examples.of(validation).as_tuple() if validation else None
    history = learner.fit(
        **_learned(recipe, rows, examples, steps, seed),
        epochs=most,
        validation_data=checked,
        validation_batch_size=None if checked is None else 8192,
        verbose=0,
        callbacks=told,
    ).history
    lengths = range(len(history["loss"]))
    return Fitted(
        keras.Model(learner.inputs[0], learner.outputs[0], name=learner.name),
        [{name: float(values[it]) for name, values in history.items()} for it in lengths],
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Examples:
    """Rows as often as they stand for transactions, so that an epoch has as many steps.

    What is missing to the weight of a row, which is no whole number, weighs each repetition.
    """

    features: NDArray[np.float32]
    labels: NDArray[np.float32]
    weights: NDArray[np.float32]

    @classmethod
    def of(cls, rows: Rows) -> "_Examples":
        times = np.maximum(1, np.rint(rows.weights)).astype(int)
        return cls(
            rows.features.astype(np.float32).repeat(times, axis=0),
            rows.labels.repeat(times),
            (rows.weights / times).astype(np.float32).repeat(times),
        )

    def as_tuple(self) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        return self.features, self.labels[:, None], self.weights


def _learned(
    recipe: Recipe, rows: Rows, examples: _Examples, steps: int, seed: int
) -> dict[str, Any]:
    """Return what Keras fits to: arrays with weights, or balanced batches without end."""
    if recipe.oversampled:
        batches = _balanced(examples, recipe.batch, np.random.default_rng(seed))
        return {"x": batches, "steps_per_epoch": steps, "shuffle": False}
    features, labels, weights = examples.as_tuple()
    return {
        "x": features,
        "y": labels,
        "sample_weight": weights * _class_weights(recipe, rows)[labels[:, 0].astype(int)],
        "batch_size": recipe.batch,
    }


def _class_weights(recipe: Recipe, rows: Rows) -> NDArray[np.float32]:
    """Return how much a legitimate transaction and a fraud count in the loss."""
    counts = np.array([rows.transactions - rows.frauds, rows.frauds])
    if recipe.class_weights == "balanced":
        return (rows.transactions / (2 * counts)).astype(np.float32)
    if recipe.class_weights == "inverse":
        return (1 / counts).astype(np.float32)
    return np.ones(2, np.float32)


def _balanced(
    examples: _Examples, batch: int, random: np.random.Generator
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]]:
    """Give batches of as many frauds as legitimate transactions, drawn in a random order.

    Each class is shuffled, given to its end, and shuffled again.
    """
    classes = [_endless(np.flatnonzero(examples.labels == label), random) for label in (0, 1)]
    while True:
        drawn = random.integers(0, 2, batch)
        chosen = np.fromiter((next(classes[label]) for label in drawn), int, batch)
        yield (
            examples.features[chosen],
            examples.labels[chosen, None],
            examples.weights[chosen],
        )


def _endless(places: NDArray[np.intp], random: np.random.Generator) -> Iterator[int]:
    while True:
        yield from random.permutation(places).tolist()


def _optimizer(keras: Any, recipe: Recipe, steps: int) -> Any:
    rate = recipe.learning_rate
    if recipe.cosine:
        rate = keras.optimizers.schedules.CosineDecay(rate, steps)
    if recipe.weight_decay:
        return keras.optimizers.AdamW(rate, weight_decay=recipe.weight_decay)
    return keras.optimizers.Adam(rate)


def _metrics(keras: Any) -> list[Any]:
    metrics = keras.metrics
    return [
        metrics.TruePositives(name="true_positives"),
        metrics.FalsePositives(name="false_positives"),
        metrics.TrueNegatives(name="true_negatives"),
        metrics.FalseNegatives(name="false_negatives"),
        metrics.BinaryAccuracy(name="accuracy"),
        metrics.Precision(name="precision"),
        metrics.Recall(name="recall"),
        metrics.AUC(name="roc_auc"),
        metrics.AUC(name="average_precision", curve="PR"),
    ]
