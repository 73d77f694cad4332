"""The plots of a model card: rows, training, evaluation, layers."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from model.artifact.metadata import Metadata
from model.evaluation.comparison import AUTHORS_THRESHOLD
from model.evaluation.curve import Scored
from model.evaluation.evaluate import evaluate
from model.evaluation.results import Evaluation
from model.evaluation.threshold import as_text
from model.labelled import Labelled
from model.plots.panels import evaluation_panels, operating_panels
from model.plots.plot import Plot
from model.plots.style import BLUE, GREY, ORANGE, RED, logarithmic
from model.training.fit import Epoch

# The most legitimate rows that are distinguishable in a scatter plot.
SCATTER_ROWS = 4000

# The markers of more epochs would overlap.
MARKED_EPOCHS = 40


def gallery(
    rows: Labelled,
    network: Any,
    metadata: Metadata,
    held_out: Scored,
) -> list[Plot]:
    """Return the plots of a trained network.

    Args:
        rows: all of them.
        network: the trained one.
        metadata: of the network, with the history of at least one epoch.
        held_out: the held-out rows with their scores.
    """
    evaluation = metadata.held_out
    return [
        Plot(
            "class-balance",
            "How many transactions are legitimate and how many are frauds, on a logarithmic axis.",
            7.0,
            2.4,
            lambda figure: _class_balance(figure, rows),
        ),
        Plot(
            "distributions",
            "V5 against V6 of legitimate transactions and of frauds: some frauds lie far out, most "
            "among legitimate transactions.",
            8.0,
            4.2,
            lambda figure: _distributions(figure, rows),
        ),
        Plot(
            "history",
            "Loss and metrics after each epoch, on the training rows (where classes weigh in the "
            "loss as the recipe says) and on the validation rows. Areas are Keras's, over 200 "
            "thresholds from 0 to 1, and so too small where most scores are near 0.",
            9.0,
            8.0,
            lambda figure: _history(figure, metadata.history),
        ),
        Plot(
            "confusion",
            "Confusion matrices: at the threshold, and at one half, which most authors use.",
            9.0,
            4.0,
            lambda figure: _confusion(figure, held_out, evaluation.threshold),
        ),
        Plot(
            "evaluation",
            "Precision over recall, ROC, frauds caught over alerts a day, and calibration; the "
            "point marks the threshold.",
            9.0,
            7.4,
            evaluation_panels(held_out, evaluation),
        ),
        Plot(
            "operating-curve",
            "Precision, recall, alerts a day and cost over the threshold; the line marks the "
            "chosen one, the dotted lines mark the choices of other policies.",
            9.0,
            9.0,
            operating_panels(held_out, metadata.operating_points),
        ),
        Plot(
            "network",
            "The network's layers, from raw features to the score.",
            6.0,
            0.62 * len(network.layers) + 0.4,
            lambda figure: _network(figure, network),
        ),
    ]


def _class_balance(figure: Any, rows: Labelled) -> None:
    counts = [rows.frauds, rows.transactions - rows.frauds]
    axes = figure.subplots()
    bars = axes.barh(["frauds", "legitimate"], counts, color=[RED, BLUE])
    labels = [f"{count:,.0f} ({count / sum(counts):.2%})" for count in counts]
    axes.bar_label(bars, labels, padding=4)
    axes.set(title="Class balance", xlabel="transactions", xscale="log", xlim=(1, 60 * max(counts)))
    axes.grid(visible=False, axis="y")


def _distributions(figure: Any, rows: Labelled) -> None:
    legitimate, frauds = (rows.take(np.flatnonzero(kind)) for kind in (~rows.fraud, rows.fraud))
    shown = legitimate.take(slice(None, None, max(1, len(legitimate) // SCATTER_ROWS)))
    left, right = figure.subplots(1, 2, sharex=True, sharey=True)
    for axes, part, title, colour in (
        (left, shown, f"of {len(legitimate):,} legitimate rows", BLUE),
        (right, frauds, "frauds", RED),
    ):
        across, up = part.column("V5"), part.column("V6")
        axes.scatter(across, up, s=9, alpha=0.6, color=colour, linewidths=0)
        axes.set(title=f"{len(part):,} {title}", xlabel="V5")
    left.set(ylabel="V6")
    # The bulk of both; single rows lie further out.
    for name, limit in (("V5", left.set_xlim), ("V6", left.set_ylim)):
        ends = [np.quantile(part.column(name), [0.005, 0.995]) for part in (legitimate, frauds)]
        low, high = float(np.min(ends)), float(np.max(ends))
        limit(low - 0.1 * (high - low), high + 0.1 * (high - low))


def _history(figure: Any, history: Sequence[Epoch]) -> None:
    epochs = np.arange(1, len(history) + 1)
    panels = (
        ("loss", "Loss"),
        ("accuracy", "Accuracy at 0.5"),
        ("roc_auc", "ROC AUC"),
        ("average_precision", "Average precision"),
        ("precision", "Precision at 0.5"),
        ("recall", "Recall at 0.5"),
    )
    marker = "." if len(history) <= MARKED_EPOCHS else ""
    subplots = figure.subplots(3, 2, sharex=True)
    for axes, (name, title) in zip(subplots.flat, panels, strict=True):
        for prefix, colour, label in (("", BLUE, "training"), ("val_", ORANGE, "validation")):
            values = [epoch.get(prefix + name, np.nan) for epoch in history]
            axes.plot(epochs, values, color=colour, label=label, marker=marker)
        axes.set(title=title)
        if name == "loss":
            logarithmic(axes)
            axes.legend()
    for axes in subplots[-1]:
        axes.set(xlabel="epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)


def _confusion(figure: Any, held_out: Scored, threshold: float) -> None:
    for axes, at, title in zip(
        figure.subplots(1, 2, sharey=True),
        (threshold, AUTHORS_THRESHOLD),
        (f"At the threshold of {as_text(threshold)}", f"At {AUTHORS_THRESHOLD}"),
        strict=True,
    ):
        _matrix(axes, evaluate(held_out, at, resamples=1))
        axes.set(title=title, xlabel="predicted")
    figure.axes[0].set(ylabel="actual")


def _matrix(axes: Any, evaluation: Evaluation) -> None:
    counts = np.array(
        [
            [evaluation.true_negatives, evaluation.false_positives],
            [evaluation.false_negatives, evaluation.true_positives],
        ]
    )
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1e-9)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for row, column in np.ndindex(2, 2):
        axes.text(
            column,
            row,
            f"{counts[row, column]:,.0f}\n{shares[row, column]:.2%}",
            ha="center",
            va="center",
            # The colour map is the same on both backgrounds, from near white to dark blue.
            color="#ffffff" if shares[row, column] > 0.5 else "#1f2328",  # noqa: PLR2004
        )
    axes.set_xticks([0, 1], ["passed", "flagged"])
    axes.set_yticks([0, 1], ["legitimate", "fraud"])
    axes.grid(visible=False)


def _network(figure: Any, network: Any) -> None:
    axes = figure.subplots()
    axes.set_axis_off()
    layers = network.layers
    for place, layer in enumerate(reversed(layers)):
        parameters = layer.count_params()
        shape = tuple(layer.output.shape)[1:]
        width = f"{shape[0]} wide"
        size = f"{parameters:,} parameters" if parameters else ""
        axes.text(
            0.5,
            place,
            "   ".join(filter(None, (layer.name, type(layer).__name__, width, size))),
            ha="center",
            va="center",
            fontsize=9,
            bbox={
                "boxstyle": "round,pad=0.4",
                "facecolor": "none",
                "edgecolor": BLUE if parameters else GREY,
            },
        )
        if place:
            axes.annotate(
                "",
                (0.5, place - 0.68),
                xytext=(0.5, place - 0.32),
                arrowprops={"arrowstyle": "->", "color": GREY},
            )
    axes.set(xlim=(0, 1), ylim=(-0.6, len(layers) - 0.4))
