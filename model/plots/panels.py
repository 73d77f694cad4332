"""Panels about scores: an evaluation, an operating curve, the curves of several networks."""

import math
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.evaluation.curve import OperatingCurve, Scored
from model.evaluation.results import Evaluation, OperatingPoint
from model.evaluation.threshold import Policy, as_text, cost
from model.plots.style import BLUE, CYAN, GREEN, GREY, ORANGE, RED, VIOLET, Draw, logarithmic

# Log-odds of 0 and 1 are infinite. The largest float32 below 1 is 6e-8 below it.
_NEAREST = 1e-7

_TICKS = 9

_WARNING_WIDTH = 90
"""Characters in a line of a warning, which is as wide as two panels."""


def evaluation_panels(rows: Scored, evaluation: Evaluation) -> Draw:
    """Return a function that draws precision over recall, ROC, alerts a day, and reliability.

    The first three mark the threshold.
    """

    def draw(figure: Any) -> None:
        curve = OperatingCurve.of(rows)
        if evaluation.warning:
            figure.suptitle(textwrap.fill(evaluation.warning, _WARNING_WIDTH), color=RED)
        first, second, third, fourth = figure.subplots(2, 2).flat
        _precision_recall(first, curve, evaluation)
        _roc(second, curve, rows, evaluation)
        _alerts(third, curve, evaluation)
        _reliability(fourth, evaluation)

    return draw


def operating_panels(rows: Scored, points: Sequence[OperatingPoint]) -> Draw:
    """Return a function that draws precision, recall, alerts a day and cost over the threshold.

    Args:
        rows: held-out ones.
        points: to mark, the chosen one first; those without a threshold are left out.
    """
    marked = [point for point in points if point.threshold is not None]
    policies = (Policy.parse(point.policy) for point in points)
    review = next(policy.parameter or 0.0 for policy in policies if policy.name == "cost")

    def draw(figure: Any) -> None:
        curve = OperatingCurve.of(rows)
        panels = figure.subplots(4, 1, sharex=True, height_ratios=(3, 2, 2, 0.35 * len(marked)))
        shares, alerts, costs, names = panels
        limits = _threshold_axis(names, [_bounded(point.threshold) for point in marked])
        for values, colour, label in (
            (curve.precision, BLUE, "precision"),
            (curve.recall, ORANGE, "recall"),
        ):
            _over_threshold(shares, curve, values, limits, color=colour, label=label)
        # Beside the title, where there is no curve.
        shares.legend(loc="lower right", bbox_to_anchor=(1, 0.97), ncols=2)
        shares.set(title="Precision and recall", ylim=(0, 1.03))
        _over_threshold(alerts, curve, curve.alerts_a_day, limits, color=BLUE)
        alerts.set(title="Alerts a day")
        _over_threshold(costs, curve, cost(curve, review), limits, color=BLUE)
        costs.set(title=f"Cost of frauds missed and of reviews at {review:g} each")
        for axes in (alerts, costs):
            logarithmic(axes)
        _policy_names(names, marked)
        for axes in panels:
            for point in marked[1:]:
                axes.axvline(_bounded(point.threshold), color=GREY, linewidth=1, linestyle=":")
            axes.axvline(_bounded(marked[0].threshold), color=RED, linewidth=1.5)

    return draw


def _over_threshold(
    axes: Any,
    curve: OperatingCurve,
    values: NDArray[np.float64],
    limits: tuple[float, float],
    **style: str,
) -> None:
    """Draw values as steps over the threshold, within the visible range."""
    across, up = np.clip(curve.thresholds[::-1], _NEAREST, 1 - _NEAREST), values[::-1]
    # One step further on either side, where the axis cuts it off.
    first = max(int(np.searchsorted(across, limits[0])) - 1, 0)
    last = int(np.searchsorted(across, limits[1])) + 1
    axes.step(across[first:last], up[first:last], where="pre", **style)


def _policy_names(axes: Any, marked: Sequence[OperatingPoint]) -> None:
    """Draw each policy on a line of its own, so that close thresholds do not hide each other."""
    for place, point in enumerate(marked):
        colour = GREY if place else RED
        axes.plot([_bounded(point.threshold)], [-place], "o", color=colour, markersize=7, zorder=3)
    names = [point.policy for point in marked]
    axes.set_yticks([-place for place in range(len(marked))], [f"{names[0]} (chosen)", *names[1:]])
    axes.set(title="Thresholds by policy", xlabel="threshold", ylim=(0.6 - len(marked), 0.6))


def _bounded(threshold: float | None) -> float:
    return min(max(threshold or 0.0, _NEAREST), 1 - _NEAREST)


def _threshold_axis(axes: Any, thresholds: Sequence[float]) -> tuple[float, float]:
    """Scale thresholds by their log-odds, since scores crowd near 0 and 1; return the limits."""
    odds = np.log10(thresholds) - np.log10(1 - np.array(thresholds))
    low, high = float(min(odds.min() - 0.7, -2.0)), float(max(odds.max() + 0.7, 2.0))
    ends = 1 / (1 + 10**-low), 1 / (1 + 10**-high)
    axes.set_xscale("logit")
    axes.set_xlim(*ends)
    tens = range(math.ceil(low), math.floor(high) + 1)
    ticks = [_share(power) for power in tens if power % (len(tens) // _TICKS + 1) == 0]
    axes.set_xticks(ticks, [f"{tick:.7g}" for tick in ticks])
    axes.minorticks_off()
    return ends


def _share(power: int) -> float:
    """Return 0.5 for 0, 0.001 for -3, and 0.99 for 2."""
    return 0.5 if not power else 10.0**power if power < 0 else 1 - 10.0**-power


def precision_recall_curves(scored: Mapping[str, Scored]) -> Draw:
    """Return a function that draws precision over recall of several networks, by label."""

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        for (label, rows), style in zip(scored.items(), _styles(), strict=False):
            _precision_over_recall(axes, OperatingCurve.of(rows), **style, label=label)
        figure.legend(loc="outside lower center", ncols=2, title="average precision")
        axes.set(title="Precision over recall")

    return draw


def roc_curves(scored: Mapping[str, Scored]) -> Draw:
    """Return a function that draws the ROC of several networks, by label."""

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        for (label, rows), style in zip(scored.items(), _styles(), strict=False):
            _recall_over_alarms(axes, OperatingCurve.of(rows), rows, **style, label=label)
        figure.legend(loc="outside lower center", ncols=2, title="area")
        axes.set(title="ROC")

    return draw


def _styles() -> Iterator[dict[str, str]]:
    """Yield colours with line styles, so that curves differ in more than their colour."""
    colours, lines = cycle((BLUE, ORANGE, GREEN, RED, VIOLET, CYAN)), cycle(("-", "--", "-."))
    for colour, line in zip(colours, lines, strict=False):
        yield {"color": colour, "linestyle": line}


def _precision_over_recall(axes: Any, curve: OperatingCurve, **style: str) -> None:
    axes.step(
        np.append(0.0, curve.recall),
        np.append(curve.precision[0], curve.precision),
        where="pre",
        **style,
    )
    axes.set(
        xlabel="recall: share of frauds flagged",
        ylabel="precision: share of frauds\namong the flagged",
        xlim=(0, 1.02),
        ylim=(0, 1.02),
    )


def _recall_over_alarms(axes: Any, curve: OperatingCurve, rows: Scored, **style: str) -> None:
    legitimate = _legitimate(rows)
    alarms = (curve.flagged - curve.caught) / legitimate
    axes.step(alarms, curve.recall, where="post", **style)
    axes.set(
        xlabel="share of legitimate transactions flagged",
        ylabel="recall",
        xscale="log",
        # From one transaction on; a logarithmic axis has no 0.
        xlim=(0.5 / legitimate, 1),
        ylim=(0, 1.02),
    )


def _legitimate(rows: Scored) -> float:
    return float(rows.weights[~rows.fraud].sum()) or 1.0


def _precision_recall(axes: Any, curve: OperatingCurve, evaluation: Evaluation) -> None:
    _precision_over_recall(axes, curve, color=BLUE)
    _point(axes, evaluation.recall, evaluation.precision, evaluation.threshold)
    axes.legend(loc="lower center")
    axes.set(title=f"Average precision {evaluation.average_precision:.3f}")


def _roc(axes: Any, curve: OperatingCurve, rows: Scored, evaluation: Evaluation) -> None:
    _recall_over_alarms(axes, curve, rows, color=BLUE)
    # Without any false alarm the point is at the start of the axis.
    alarms = max(evaluation.false_positives, 0.5) / _legitimate(rows)
    _point(axes, alarms, evaluation.recall, evaluation.threshold)
    axes.legend(loc="lower right")
    axes.set(title=f"ROC, area {evaluation.roc_auc:.3f}")


def _alerts(axes: Any, curve: OperatingCurve, evaluation: Evaluation) -> None:
    axes.plot(curve.alerts_a_day, curve.recall, color=BLUE, label="frauds")
    share = curve.amount_caught / (curve.amount or 1.0)
    axes.plot(curve.alerts_a_day, share, color=ORANGE, label="their amount")
    axes.set(
        title="Frauds caught over alerts a day",
        xlabel="alerts a day",
        ylabel="share caught",
        xscale="log",
        ylim=(0, 1.02),
    )
    _point(axes, evaluation.alerts_a_day, evaluation.recall, evaluation.threshold)
    axes.legend(loc="lower right")


def _reliability(axes: Any, evaluation: Evaluation) -> None:
    bins = evaluation.reliability
    axes.plot([0, 1], [0, 1], color=GREEN, linestyle="--", linewidth=1, label="calibrated")
    axes.plot([cell.score for cell in bins], [cell.fraud_share for cell in bins], "o", color=BLUE)
    for number, cell in enumerate(bins):
        upper = cell.fraud_share > 0.5  # noqa: PLR2004 - the label goes where there is room
        # Labels are wider than a bin, so every other one is further away.
        away = 6 + 11 * (number % 2)
        axes.annotate(
            f"{cell.transactions:,.0f}",
            (cell.score, cell.fraud_share),
            xytext=(0, away if upper else -away),
            textcoords="offset points",
            ha="center",
            va="bottom" if upper else "top",
            fontsize=9,
        )
    axes.set(
        title=f"Calibration error {evaluation.calibration_error:.5f}",
        xlabel="mean score (and how many transactions)",
        ylabel="share of frauds",
        xlim=(-0.12, 1.12),
        ylim=(-0.2, 1.2),
        yticks=np.linspace(0, 1, 6),
    )
    axes.legend(loc="center left")


def _point(axes: Any, across: float, up: float, threshold: float) -> None:
    """Mark the threshold; its value is in the legend, since the curve surrounds the point."""
    axes.plot(
        [across],
        [up],
        "o",
        color=RED,
        markersize=8,
        zorder=3,
        clip_on=False,
        label=f"threshold {as_text(threshold)}",
    )
