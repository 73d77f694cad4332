"""Pictures of scores: one style, drawn for light and for dark backgrounds."""

import io
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from model.backend import installed
from model.curve import OperatingCurve, Scored
from model.evaluation import Evaluation

Background = Literal["light", "dark"]
BACKGROUNDS: tuple[Background, ...] = ("light", "dark")

Draw = Callable[[Any], None]
"""Draws on an empty matplotlib figure."""

BLUE, ORANGE, GREEN, RED = "#3b82f6", "#f59e0b", "#10b981", "#ef4444"  # readable on both grounds

_INK: dict[Background, dict[str, str]] = {
    "light": {"ground": "#ffffff", "ink": "#1f2328", "faint": "#d1d9e0"},
    "dark": {"ground": "#0d1117", "ink": "#e6edf3", "faint": "#3d444d"},
}


def render(
    draw: Draw,
    *,
    width: float,
    height: float,
    background: Background,
    kind: Literal["png", "svg"] = "png",
) -> bytes:
    """Return a picture's bytes.

    Args:
        draw: draws it.
        width: in inches, at 120 dots each.
        height: likewise.
        background: what it will be looked at on.
        kind: of file.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    matplotlib = installed("matplotlib")
    figures = installed("matplotlib.figure")
    with matplotlib.rc_context(_style(background)):
        figure = figures.Figure(figsize=(width, height), dpi=120, layout="constrained")
        draw(figure)
        file = io.BytesIO()
        # Without a date, the same picture is the same bytes.
        figure.savefig(file, format=kind, metadata={"Date": None} if kind == "svg" else None)
    return file.getvalue()


def _style(background: Background) -> dict[str, Any]:
    colours = _INK[background]
    ink, ground, faint = colours["ink"], colours["ground"], colours["faint"]
    return {
        "figure.facecolor": ground,
        "savefig.facecolor": ground,
        "axes.facecolor": ground,
        "axes.edgecolor": faint,
        "axes.labelcolor": ink,
        "axes.titlecolor": ink,
        "axes.titlesize": 12,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "grid.color": faint,
        "grid.linewidth": 0.6,
        "xtick.color": ink,
        "ytick.color": ink,
        "text.color": ink,
        "font.size": 11,
        "legend.frameon": False,
        "lines.linewidth": 2,
        "svg.hashsalt": "fraudstream",
    }


def evaluation_panels(rows: Scored, figures: Evaluation) -> Draw:
    """Return what draws four panels of an evaluation, each with the threshold's point.

    Precision over recall, ROC, alerts a day over recall, and reliability.
    """

    def draw(figure: Any) -> None:
        curve = OperatingCurve.of(rows)
        first, second, third, fourth = figure.subplots(2, 2).flat
        _precision_recall(first, curve, figures)
        _roc(second, curve, rows, figures)
        _alerts(third, curve, figures)
        _reliability(fourth, figures)

    return draw


def _precision_recall(axes: Any, curve: OperatingCurve, figures: Evaluation) -> None:
    axes.step(
        np.append(0.0, curve.recall),
        np.append(curve.precision[0], curve.precision),
        where="pre",
        color=BLUE,
    )
    _point(axes, figures.recall, figures.precision, figures)
    axes.set(
        title=f"Average precision {figures.average_precision:.3f}",
        xlabel="recall: share of frauds flagged",
        ylabel="precision: share of frauds\namong the flagged",
        xlim=(0, 1.02),
        ylim=(0, 1.02),
    )


def _roc(axes: Any, curve: OperatingCurve, rows: Scored, figures: Evaluation) -> None:
    legitimate = float(rows.weights[~rows.fraud].sum()) or 1.0
    alarms = (curve.flagged - curve.caught) / legitimate
    axes.step(alarms, curve.recall, where="post", color=BLUE)
    _point(axes, figures.false_positives / legitimate, figures.recall, figures)
    axes.set(
        title=f"ROC, area {figures.roc_auc:.3f}",
        xlabel="share of legitimate transactions flagged",
        ylabel="recall",
        xscale="log",
        # From one transaction in the whole on; the logarithm has no room for none.
        xlim=(0.5 / legitimate, 1),
        ylim=(0, 1.02),
    )


def _alerts(axes: Any, curve: OperatingCurve, figures: Evaluation) -> None:
    axes.plot(curve.alerts_a_day, curve.recall, color=BLUE, label="frauds")
    share = curve.amount_caught / (curve.amount or 1.0)
    axes.plot(curve.alerts_a_day, share, color=ORANGE, label="their amount")
    _point(axes, figures.alerts_a_day, figures.recall, figures)
    axes.set(
        title="What is caught for how many alerts",
        xlabel="alerts a day",
        ylabel="share caught",
        xscale="log",
        ylim=(0, 1.02),
    )
    axes.legend(loc="lower right")


def _reliability(axes: Any, figures: Evaluation) -> None:
    bins = figures.reliability
    axes.plot([0, 1], [0, 1], color=GREEN, linestyle="--", linewidth=1, label="calibrated")
    axes.plot([it.score for it in bins], [it.fraud_share for it in bins], "o", color=BLUE)
    for it in bins:
        upper = it.fraud_share > 0.5  # noqa: PLR2004 - the label goes where there is room
        axes.annotate(
            f"{it.transactions:,.0f}",
            (it.score, it.fraud_share),
            xytext=(0, -14 if upper else 7),
            textcoords="offset points",
            ha="center",
            fontsize=8,
        )
    axes.set(
        title=f"Calibration error {figures.calibration_error:.5f}",
        xlabel="mean score (and how many transactions)",
        ylabel="share of frauds",
        xlim=(-0.04, 1.04),
        ylim=(-0.04, 1.04),
    )
    axes.legend(loc="center left")


def _point(axes: Any, across: float, up: float, figures: Evaluation) -> None:
    axes.plot([across], [up], "o", color=RED, markersize=8, zorder=3)
    axes.annotate(
        f"threshold {figures.threshold:.3f}",
        (across, up),
        xytext=(-8, -16),
        textcoords="offset points",
        ha="right",
    )
