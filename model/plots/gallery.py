"""The pictures beside a trained network: its rows, its training, its judgement, its layers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from model.artifact.metadata import Metadata
from model.evaluation.comparison import AUTHORS_THRESHOLD
from model.evaluation.curve import Scored
from model.evaluation.evaluate import Evaluation, evaluate
from model.evaluation.threshold import as_text
from model.plots.panels import evaluation_panels, operating_panels
from model.plots.style import BACKGROUNDS, BLUE, GREY, ORANGE, RED, Draw, logarithmic, render
from model.training.fit import Epoch

if TYPE_CHECKING:
    import pandas as pd

# As many legitimate rows as can be told apart in a scatter plot, with the frauds.
SCATTER_ROWS = 4000

# More epochs' points would run into one another.
MARKED_EPOCHS = 40


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture of a model card.

    Attributes:
        name: of its files, "NAME-light.png" and "NAME-dark.png".
        caption: what one sees.
        width: in inches.
        height: in inches.
        draw: draws it.
    """

    name: str
    caption: str
    width: float
    height: float
    draw: Draw


def gallery(
    frame: "pd.DataFrame",
    weights: NDArray[np.float64],
    network: Any,
    metadata: Metadata,
    judged: Scored,
) -> list[Picture]:
    """Return the pictures of a trained network.

    Args:
        frame: all rows, as `dataset.reader.read` gives them.
        weights: how many transactions each stands for, [rows].
        network: the trained one.
        metadata: of it, with the history of at least one epoch.
        judged: the held-out rows with their scores.
    """
    figures = metadata.held_out
    return [
        Picture(
            "class-balance",
            "How many transactions are legitimate and how many are frauds, on a logarithmic axis.",
            7.0,
            2.4,
            lambda figure: _class_balance(figure, frame, weights),
        ),
        Picture(
            "distributions",
            "V5 against V6 of legitimate transactions and of frauds: some frauds lie far out, most "
            "among the others.",
            8.0,
            4.2,
            lambda figure: _distributions(figure, frame),
        ),
        Picture(
            "history",
            "Loss, accuracy and how well frauds are told after each epoch, on the rows that are "
            "learned from (training, where classes weigh in the loss as the recipe says) and on "
            "those that are only looked at (validation). Areas are Keras's, over 200 thresholds "
            "from 0 to 1, and so too small where most scores are near 0.",
            9.0,
            8.0,
            lambda figure: _history(figure, metadata.history),
        ),
        Picture(
            "confusion",
            "Transactions by what they were and by what was said of them: at the threshold, and "
            "at one half, where most authors look.",
            9.0,
            4.0,
            lambda figure: _confusion(figure, judged, figures.threshold),
        ),
        Picture(
            "evaluation",
            "Precision over recall, ROC, what is caught for how many alerts a day, and how well "
            "scores are probabilities; the point is the threshold.",
            9.0,
            7.4,
            evaluation_panels(judged, figures),
        ),
        Picture(
            "operating-curve",
            "Precision, recall, alerts a day and cost at each threshold; the line is the chosen "
            "one, the dotted lines are what other policies would choose.",
            9.0,
            9.0,
            operating_panels(judged, metadata.operating_points),
        ),
        Picture(
            "network",
            "The network's layers, from raw features to the score.",
            6.0,
            0.62 * len(network.layers) + 0.4,
            lambda figure: _network(figure, network),
        ),
    ]


@dataclass(frozen=True, slots=True)
class Rendered:
    """A picture as files.

    Attributes:
        name: of its files.
        caption: what one sees.
        light: PNG for light backgrounds.
        dark: PNG for dark ones.
    """

    name: str
    caption: str
    light: bytes
    dark: bytes


def rendered(pictures: Sequence[Picture]) -> list[Rendered]:
    """Return the pictures drawn, about half a second each.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    return [
        Rendered(
            it.name,
            it.caption,
            *(
                render(it.draw, width=it.width, height=it.height, background=background)
                for background in BACKGROUNDS
            ),
        )
        for it in pictures
    ]


def _class_balance(figure: Any, frame: "pd.DataFrame", weights: NDArray[np.float64]) -> None:
    frauds = float(weights[frame["Class"] == 1].sum())
    counts = [frauds, float(weights.sum()) - frauds]
    axes = figure.subplots()
    bars = axes.barh(["frauds", "legitimate"], counts, color=[RED, BLUE])
    labels = [f"{count:,.0f} ({count / sum(counts):.2%})" for count in counts]
    axes.bar_label(bars, labels, padding=4)
    axes.set(title="Class balance", xlabel="transactions", xscale="log", xlim=(1, 60 * max(counts)))
    axes.grid(visible=False, axis="y")


def _distributions(figure: Any, frame: "pd.DataFrame") -> None:
    legitimate, frauds = frame[frame["Class"] == 0], frame[frame["Class"] == 1]
    step = max(1, len(legitimate) // SCATTER_ROWS)
    left, right = figure.subplots(1, 2, sharex=True, sharey=True)
    for axes, rows, title, colour in (
        (left, legitimate[::step], f"of {len(legitimate):,} legitimate rows", BLUE),
        (right, frauds, "frauds", RED),
    ):
        axes.scatter(rows["V5"], rows["V6"], s=9, alpha=0.6, color=colour, linewidths=0)
        axes.set(title=f"{len(rows):,} {title}", xlabel="V5")
    left.set(ylabel="V6")
    # The bulk of both; further out are some single rows.
    for name, limit in (("V5", left.set_xlim), ("V6", left.set_ylim)):
        ends = [np.quantile(rows[name], [0.005, 0.995]) for rows in (legitimate, frauds)]
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


def _confusion(figure: Any, judged: Scored, threshold: float) -> None:
    for axes, at, title in zip(
        figure.subplots(1, 2, sharey=True),
        (threshold, AUTHORS_THRESHOLD),
        (f"At the threshold of {as_text(threshold)}", f"At {AUTHORS_THRESHOLD}"),
        strict=True,
    ):
        _matrix(axes, evaluate(judged, at, resamples=1))
        axes.set(title=title, xlabel="what was said of it")
    figure.axes[0].set(ylabel="what it was")


def _matrix(axes: Any, figures: Evaluation) -> None:
    counts = np.array(
        [
            [figures.true_negatives, figures.false_positives],
            [figures.false_negatives, figures.true_positives],
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
            # The map runs from near white to dark blue, whatever lies around it.
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
        told = f"{parameters:,} parameters" if parameters else ""
        axes.text(
            0.5,
            place,
            "   ".join(it for it in (layer.name, type(layer).__name__, width, told) if it),
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
