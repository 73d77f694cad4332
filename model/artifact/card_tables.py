"""The tables of a model card, in Markdown."""

from collections.abc import Iterable, Mapping, Sequence

from model.artifact.metadata import Metadata
from model.evaluation.evaluate import Evaluation, figures_table
from model.evaluation.operating_points import OperatingPoint
from model.evaluation.threshold import as_text
from model.recipes.recipe import Preparation, Recipe

EPOCHS_SHOWN = 40
"""A table of more lines is read by nobody."""

_EPOCH_HEADS = {
    "loss": "loss",
    "val_loss": "validation loss",
    "val_true_positives": "frauds found",
    "val_false_negatives": "frauds missed",
    "val_false_positives": "false alarms",
    "val_roc_auc": "ROC AUC",
}

_CLASS_WEIGHTS = {
    None: "alike",
    "balanced": "total / (2 x count)",
    "inverse": "1 / count",
}


def hyperparameters(metadata: Metadata, recipe: Recipe) -> str:
    """Return the table of what training was set to."""
    rows = {
        "features": _features(recipe.preparation),
        "hidden layers": _layers(recipe),
        "output's first bias": "log-odds of the share of frauds" if recipe.true_bias else "0",
        "loss": "binary cross-entropy",
        "weights of the classes": _CLASS_WEIGHTS[recipe.class_weights],
        "optimizer": _optimizer(recipe),
        "learning rate": f"{recipe.learning_rate:g}{_falling(recipe)}",
        "batch": f"{recipe.batch:,}{', half of them frauds' if recipe.oversampled else ''}",
        "epochs": f"{metadata.epochs}{_stopping(recipe)}",
        "fitted anew to all rows, once judged": "yes" if metadata.refitted else "no",
        "seed": str(metadata.seed),
    }
    return _table(("hyperparameter", "value"), rows.items())


def _features(preparation: Preparation) -> str:
    told = ["all" if preparation.time else "all but Time"]
    if preparation.apart:
        distance = f"Kolmogorov-Smirnov distance above {preparation.apart:g}"
        told.append(f"of them those with a {distance} between the classes")
    if preparation.amount_offset is not None:
        told.append(f"logarithm of Amount + {preparation.amount_offset:g}")
    if preparation.standardised:
        told.append("standardised")
    if preparation.clip is not None:
        told.append(f"clipped at {preparation.clip:g} standard deviations")
    if preparation.bins:
        told.append(f"beside each its piecewise-linear terms, of {preparation.bins} bins")
    return ", ".join(told)


def _layers(recipe: Recipe) -> str:
    return ", ".join(
        f"{it.units} rectified units{f' with dropout {it.dropout:g}' if it.dropout else ''}"
        for it in recipe.layers
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
        f"{steps}; at most {recipe.epochs:,}, ended after {recipe.patience} without a better "
        "validation ROC AUC, with the best epoch's weights"
    )


def epochs(history: Sequence[Mapping[str, float]]) -> str:
    """Return the table of epochs: loss, and counts on the rows that were only looked at.

    Of very many, one in several is shown, with the first, the best and the last.
    """
    heads = {name: head for name, head in _EPOCH_HEADS.items() if name in history[0]}
    best = _best(history)
    every = -(-len(history) // EPOCHS_SHOWN)
    shown = [
        number
        for number in range(1, len(history) + 1)
        if number % every == 0 or number in {1, best, len(history)}
    ]
    table = _table(
        ("epoch", *heads.values()),
        (
            (str(number), *(_epoch_value(name, history[number - 1][name]) for name in heads))
            for number in shown
        ),
        numbers=True,
    )
    if every == 1:
        return table
    told = f"One in {every} of {len(history):,} epochs, with the first, the best and the last:"
    return f"{told}\n\n{table}"


def _best(history: Sequence[Mapping[str, float]]) -> int:
    """Return the number of the epoch with the highest ROC AUC, which early stopping takes."""
    areas = [epoch.get("val_roc_auc", 0.0) for epoch in history]
    return areas.index(max(areas)) + 1


def _epoch_value(name: str, value: float) -> str:
    if "positives" in name or "negatives" in name:
        return f"{value:,.0f}"
    # Where classes are weighted by 1 / count, losses are of the order of 1e-6.
    return f"{value:.4g}" if "loss" in name else f"{value:.4f}"


def evaluation(figures: Evaluation) -> str:
    """Return the table of figures."""
    return _table(("figure", "value"), figures_table(figures))


def policies(points: Sequence[OperatingPoint]) -> str:
    """Return the table of operating points, the chosen one first."""
    heads = ("policy", "threshold", "precision", "recall", "alerts a day")
    return _table(heads, (_policy(place, it) for place, it in enumerate(points)), numbers=True)


def _policy(place: int, point: OperatingPoint) -> tuple[str, ...]:
    if point.threshold is None:
        return point.policy, f"none: {point.reason}", "", "", ""
    return (
        point.policy if place else f"**{point.policy}** (chosen)",
        as_text(point.threshold),
        f"{point.precision:.4f}",
        f"{point.recall:.4f}",
        f"{point.alerts_a_day:,.1f}",
    )


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: bool = False) -> str:
    """Return a Markdown table; numbers, in all columns but the first, stand at the right."""
    marks = ["---", *["---:" if numbers else "---"] * (len(heads) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, marks, *rows))
