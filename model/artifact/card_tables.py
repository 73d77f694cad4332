"""The tables of a model card, in Markdown."""

from collections.abc import Mapping, Sequence

from model.artifact.markdown import table
from model.artifact.metadata import Metadata
from model.evaluation.evaluate import metrics_text
from model.evaluation.results import Evaluation, OperatingPoint
from model.evaluation.threshold import as_text
from model.recipes.recipe import Preparation, Recipe

EPOCHS_SHOWN = 40
"""Nobody reads a longer table."""

_EPOCH_HEADERS = {
    "loss": "loss",
    "val_loss": "validation loss",
    "val_true_positives": "frauds flagged",
    "val_false_negatives": "frauds missed",
    "val_false_positives": "false alarms",
    "val_roc_auc": "ROC AUC",
}

_CLASS_WEIGHTS = {
    None: "equal",
    "balanced": "total / (2 x count)",
    "inverse": "1 / count",
}


def hyperparameters(metadata: Metadata, recipe: Recipe) -> str:
    """Return the table of the hyperparameters."""
    rows = {
        "features": _features(recipe.preparation),
        "hidden layers": _layers(recipe),
        "initial bias of the output": "log-odds of the share of frauds"
        if recipe.true_bias
        else "0",
        "loss": "binary cross-entropy",
        "class weights": _CLASS_WEIGHTS[recipe.class_weights],
        "optimizer": _optimizer(recipe),
        "learning rate": f"{recipe.learning_rate:g}{_falling(recipe)}",
        "batch": f"{recipe.batch:,}{', half of them frauds' if recipe.oversampled else ''}",
        "epochs": f"{metadata.epochs}{_stopping(recipe)}",
        "trained again on all rows, once evaluated": "yes" if metadata.refitted else "no",
        "seed": str(metadata.seed),
    }
    return table(("hyperparameter", "value"), rows.items())


def _features(preparation: Preparation) -> str:
    steps = ["all" if preparation.time else "all but Time"]
    if preparation.apart:
        distance = f"Kolmogorov-Smirnov distance above {preparation.apart:g}"
        steps.append(f"of them those with a {distance} between the classes")
    if preparation.amount_offset is not None:
        steps.append(f"logarithm of Amount + {preparation.amount_offset:g}")
    if preparation.standardised:
        steps.append("standardised")
    if preparation.clip is not None:
        steps.append(f"clipped at {preparation.clip:g} standard deviations")
    if preparation.bins:
        steps.append(f"with piecewise-linear terms of {preparation.bins} bins each")
    return ", ".join(steps)


def _layers(recipe: Recipe) -> str:
    return ", ".join(
        f"{layer.units} rectified linear units"
        f"{f' with dropout {layer.dropout:g}' if layer.dropout else ''}"
        for layer in recipe.layers
    )


def _optimizer(recipe: Recipe) -> str:
    decay = recipe.weight_decay
    return f"AdamW, weight decay {decay:g}" if decay else "Adam"


def _falling(recipe: Recipe) -> str:
    return ", falling to 0 along a half cosine" if recipe.cosine else ""


def _stopping(recipe: Recipe) -> str:
    steps = f" of {recipe.steps} steps" if recipe.steps else ""
    if recipe.patience is None:
        return steps
    return (
        f"{steps}; at most {recipe.epochs:,}, stopped after {recipe.patience} without a better "
        "validation ROC AUC, with the best epoch's weights"
    )


def epochs(history: Sequence[Mapping[str, float]]) -> str:
    """Return the table of epochs: loss, and counts on the validation rows.

    Of many epochs it has only one in several, with the first, the best and the last.
    """
    headers = {name: header for name, header in _EPOCH_HEADERS.items() if name in history[0]}
    best = _best(history)
    every = -(-len(history) // EPOCHS_SHOWN)
    shown = [
        number
        for number in range(1, len(history) + 1)
        if number % every == 0 or number in {1, best, len(history)}
    ]
    text = table(
        ("epoch", *headers.values()),
        (
            (str(number), *(_epoch_value(name, history[number - 1][name]) for name in headers))
            for number in shown
        ),
        align="lr",
    )
    if every == 1:
        return text
    caption = f"One in {every} of {len(history):,} epochs, with the first, the best and the last:"
    return f"{caption}\n\n{text}"


def _best(history: Sequence[Mapping[str, float]]) -> int:
    """Return the number of the epoch with the highest ROC AUC, which early stopping keeps."""
    areas = [epoch.get("val_roc_auc", 0.0) for epoch in history]
    return areas.index(max(areas)) + 1


def _epoch_value(name: str, value: float) -> str:
    if "positives" in name or "negatives" in name:
        return f"{value:,.0f}"
    # Where classes are weighted by 1 / count, losses are of the order of 1e-6.
    return f"{value:.4g}" if "loss" in name else f"{value:.4f}"


def evaluation(metrics: Evaluation) -> str:
    """Return the table of metrics."""
    return table(("metric", "value"), metrics_text(metrics))


def policies(points: Sequence[OperatingPoint]) -> str:
    """Return the table of operating points, the chosen one first."""
    headers = ("policy", "threshold", "precision", "recall", "alerts a day")
    rows = [_policy(number, point) for number, point in enumerate(points)]
    return table(headers, rows, align="lr")


def _policy(number: int, point: OperatingPoint) -> tuple[str, ...]:
    if point.threshold is None:
        return point.policy, f"none: {point.reason}", "", "", ""
    return (
        point.policy if number else f"**{point.policy}** (chosen)",
        as_text(point.threshold),
        f"{point.precision:.4f}",
        f"{point.recall:.4f}",
        f"{point.alerts_a_day:,.1f}",
    )
