"""Fit a recipe's network to rows: loss, class weights, batches, early stopping."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.labelled import Labelled
from model.recipes.recipe import Recipe
from model.serving.backend import import_keras
from model.training import network

Epoch = dict[str, float]
"""Metrics of an epoch, by Keras's names: "loss", "roc_auc", "val_loss", ..."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A trained network.

    Attributes:
        network: without the optimizer's state, which is twice the size of the weights.
        history: of the epochs, in order.
    """

    network: Any
    history: list[Epoch]


def fit(
    recipe: Recipe,
    rows: Labelled,
    validation: Labelled | None,
    *,
    seed: int,
    epochs: int | None = None,
    progress: Callable[[int], None],
) -> Fitted:
    """Fit the recipe's network.

    Args:
        recipe: network, loss, optimizer and stopping.
        rows: to train on, with frauds and legitimate transactions.
        validation: evaluated after each epoch, for early stopping where the recipe has it, and
            for the history; None for neither.
        seed: of all randomness.
        epochs: at most; None for as many as the recipe says.
        progress: called with 1 after each epoch.
    """
    keras = import_keras()
    keras.utils.set_random_seed(seed)
    model = network.build(recipe, rows)
    maximum = epochs or recipe.epochs
    examples = _Examples.of(rows)
    steps = recipe.steps or -(-len(examples.labels) // recipe.batch)
    model.compile(
        optimizer=_optimizer(keras, recipe, steps * maximum),
        loss="binary_crossentropy",
        # Unweighted: a fraud that counts more in the loss is still one fraud.
        metrics=[] if validation is None else _metrics(keras),
    )
    callbacks = [keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: progress(1))]
    if recipe.patience is not None and validation is not None:
        callbacks.append(
            keras.callbacks.EarlyStopping(
                monitor="val_roc_auc",
                mode="max",
                patience=recipe.patience,
                restore_best_weights=True,
            )
        )
    evaluated = None if validation is None else _Examples.of(validation).as_tuple()
    history = model.fit(
        **_training_data(recipe, rows, examples, steps, seed),
        epochs=maximum,
        validation_data=evaluated,
        validation_batch_size=None if evaluated is None else 8192,
        verbose=0,
        callbacks=callbacks,
    ).history
    return Fitted(
        keras.Model(model.inputs[0], model.outputs[0], name=model.name),
        [
            {name: float(values[epoch]) for name, values in history.items()}
            for epoch in range(len(history["loss"]))
        ],
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Examples:
    """Rows repeated as often as their weights say, so that an epoch has as many steps.

    A repetition weighs the row's weight divided by the number of repetitions, which is 1 where
    the weight is a whole number.
    """

    features: NDArray[np.float32]
    labels: NDArray[np.float32]
    weights: NDArray[np.float32]

    @classmethod
    def of(cls, rows: Labelled) -> "_Examples":
        times = np.maximum(1, np.rint(rows.weights)).astype(int)
        return cls(
            rows.features.astype(np.float32).repeat(times, axis=0),
            rows.labels.repeat(times),
            (rows.weights / times).astype(np.float32).repeat(times),
        )

    def as_tuple(self) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        return self.features, self.labels[:, None], self.weights


def _training_data(
    recipe: Recipe, rows: Labelled, examples: _Examples, steps: int, seed: int
) -> dict[str, Any]:
    """Return Keras's arguments: weighted arrays, or an endless iterator of balanced batches."""
    if recipe.oversampled:
        batches = _balanced(examples, recipe.batch, np.random.default_rng(seed))
        return {"x": batches, "steps_per_epoch": steps, "shuffle": False}
    features, labels, weights = examples.as_tuple()
    return {
        "x": features,
        "y": labels,
        "sample_weight": weights * class_weights(recipe, rows)[labels[:, 0].astype(int)],
        "batch_size": recipe.batch,
    }


def class_weights(recipe: Recipe, rows: Labelled) -> NDArray[np.float32]:
    """Return the weights in the loss of a legitimate transaction and of a fraud."""
    counts = np.array([rows.transactions - rows.frauds, rows.frauds])
    if recipe.class_weights == "balanced":
        return (rows.transactions / (2 * counts)).astype(np.float32)
    if recipe.class_weights == "inverse":
        return (1 / counts).astype(np.float32)
    return np.ones(2, np.float32)


def _balanced(
    examples: _Examples, batch: int, random: np.random.Generator
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]]:
    """Yield batches of, on average, as many frauds as legitimate transactions.

    Each class is shuffled, used to its end, and shuffled again.
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


def _endless(rows: NDArray[np.intp], random: np.random.Generator) -> Iterator[int]:
    while True:
        yield from random.permutation(rows).tolist()


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
