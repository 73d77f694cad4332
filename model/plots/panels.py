"""What pictures of scores show: an evaluation, an operating curve, several networks' curves."""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.evaluation.curve import OperatingCurve, Scored
from model.evaluation.evaluate import Evaluation
from model.evaluation.operating_points import OperatingPoint
from model.evaluation.threshold import Policy, as_text, cost
from model.plots.style import BLUE, CYAN, GREEN, GREY, ORANGE, RED, VIOLET, Draw, logarithmic

# Log-odds reach to infinity and float32 does not: its last number before 1 is 6e-8 below.
_NEAREST = 1e-7

_TICKS = 9


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


def operating_panels(rows: Scored, points: Sequence[OperatingPoint]) -> Draw:
    """Return what draws precision, recall, alerts a day and cost over the threshold.

    Args:
        rows: that judge.
        points: to be marked, the chosen one first; those without a threshold are left out.
    """
    marked = [it for it in points if it.threshold is not None]
    review = next(it.parameter or 0.0 for it in _policies(points) if it.name == "cost")

    def draw(figure: Any) -> None:
        curve = OperatingCurve.of(rows)
        panels = figure.subplots(4, 1, sharex=True, height_ratios=(3, 2, 2, 0.35 * len(marked)))
        shares, alerts, costs, names = panels
        seen = _threshold_axis(names, [_bounded(it.threshold) for it in marked])
        for values, colour, label in (
            (curve.precision, BLUE, "precision"),
            (curve.recall, ORANGE, "recall"),
        ):
            _over_threshold(shares, curve, values, seen, color=colour, label=label)
        # Beside the title: there is no curve.
        shares.legend(loc="lower right", bbox_to_anchor=(1, 0.97), ncols=2)
        shares.set(title="Precision and recall", ylim=(0, 1.03))
        _over_threshold(alerts, curve, curve.alerts_a_day, seen, color=BLUE)
        alerts.set(title="Alerts a day")
        _over_threshold(costs, curve, cost(curve, review), seen, color=BLUE)
        costs.set(title=f"Cost of frauds missed and of reviews at {review:g} each")
        for axes in (alerts, costs):
            logarithmic(axes)
        _policy_names(names, marked)
        for axes in panels:
            for point in marked[1:]:
                axes.axvline(_bounded(point.threshold), color=GREY, linewidth=1, linestyle=":")
            axes.axvline(_bounded(marked[0].threshold), color=RED, linewidth=1.5)

    return draw


def _policies(points: Sequence[OperatingPoint]) -> list[Policy]:
    return [Policy.parse(it.policy) for it in points]


def _over_threshold(
    axes: Any,
    curve: OperatingCurve,
    values: NDArray[np.float64],
    seen: tuple[float, float],
    **look: str,
) -> None:
    """Draw a step to each score, up to which the same rows are flagged; only what is seen of it."""
    across, up = np.clip(curve.thresholds[::-1], _NEAREST, 1 - _NEAREST), values[::-1]
    # One step further on either side, which the axis cuts.
    first = max(int(np.searchsorted(across, seen[0])) - 1, 0)
    last = int(np.searchsorted(across, seen[1])) + 1
    axes.step(across[first:last], up[first:last], where="pre", **look)


def _policy_names(axes: Any, marked: Sequence[OperatingPoint]) -> None:
    """Draw a line of its own for each policy, so that near thresholds do not hide each other."""
    for place, point in enumerate(marked):
        colour = GREY if place else RED
        axes.plot([_bounded(point.threshold)], [-place], "o", color=colour, markersize=7, zorder=3)
    names = [it.policy for it in marked]
    axes.set_yticks([-place for place in range(len(marked))], [f"{names[0]} (chosen)", *names[1:]])
    axes.set(title="Thresholds by policy", xlabel="threshold", ylim=(0.6 - len(marked), 0.6))


def _bounded(threshold: float | None) -> float:
    return min(max(threshold or 0.0, _NEAREST), 1 - _NEAREST)


def _threshold_axis(axes: Any, thresholds: Sequence[float]) -> tuple[float, float]:
    """Scale thresholds by their log-odds, as scores crowd near 0 and 1; return the axis' ends."""
    odds = np.log10(thresholds) - np.log10(1 - np.array(thresholds))
    low, high = float(min(odds.min() - 0.7, -2.0)), float(max(odds.max() + 0.7, 2.0))
    ends = 1 / (1 + 10**-low), 1 / (1 + 10**-high)
    axes.set_xscale("logit")
    axes.set_xlim(*ends)
    tens = range(math.ceil(low), math.floor(high) + 1)
    shown = [it for it in tens if it % (len(tens) // _TICKS + 1) == 0]
    axes.set_xticks([_share(it) for it in shown], [f"{_share(it):.7g}" for it in shown])
    axes.minorticks_off()
    return ends


def _share(tens: int) -> float:
    """Return 0.5 for 0, and for others so many nines or noughts: 0.99 for 2, 0.001 for -3."""
    return 0.5 if not tens else 10.0**tens if tens < 0 else 1 - 10.0**-tens


def precision_recall_curves(judged: Mapping[str, Scored]) -> Draw:
    """Return what draws precision over recall of several networks, by their labels."""

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        for (label, rows), look in zip(judged.items(), _looks(), strict=False):
            _precision_over_recall(axes, OperatingCurve.of(rows), **look, label=label)
        figure.legend(loc="outside lower center", ncols=2, title="average precision")
        axes.set(title="Precision over recall")

    return draw


def roc_curves(judged: Mapping[str, Scored]) -> Draw:
    """Return what draws the ROC of several networks, by their labels."""

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        for (label, rows), look in zip(judged.items(), _looks(), strict=False):
            _recall_over_alarms(axes, OperatingCurve.of(rows), rows, **look, label=label)
        figure.legend(loc="outside lower center", ncols=2, title="area")
        axes.set(title="ROC")

    return draw


def _looks() -> Iterator[dict[str, str]]:
    """Give colours with lines, so that curves are told apart by more than their colour."""
    colours, lines = cycle((BLUE, ORANGE, GREEN, RED, VIOLET, CYAN)), cycle(("-", "--", "-."))
    for colour, line in zip(colours, lines, strict=False):
        yield {"color": colour, "linestyle": line}


def _precision_over_recall(axes: Any, curve: OperatingCurve, **look: str) -> None:
    axes.step(
        np.append(0.0, curve.recall),
        np.append(curve.precision[0], curve.precision),
        where="pre",
        **look,
    )
    axes.set(
        xlabel="recall: share of frauds flagged",
        ylabel="precision: share of frauds\namong the flagged",
        xlim=(0, 1.02),
        ylim=(0, 1.02),
    )


def _recall_over_alarms(axes: Any, curve: OperatingCurve, rows: Scored, **look: str) -> None:
    legitimate = _legitimate(rows)
    alarms = (curve.flagged - curve.caught) / legitimate
    axes.step(alarms, curve.recall, where="post", **look)
    axes.set(
        xlabel="share of legitimate transactions flagged",
        ylabel="recall",
        xscale="log",
        # From one transaction in the whole on; the logarithm has no room for none.
        xlim=(0.5 / legitimate, 1),
        ylim=(0, 1.02),
    )


def _legitimate(rows: Scored) -> float:
    return float(rows.weights[~rows.fraud].sum()) or 1.0


def _precision_recall(axes: Any, curve: OperatingCurve, figures: Evaluation) -> None:
    _precision_over_recall(axes, curve, color=BLUE)
    _point(axes, figures.recall, figures.precision, figures.threshold)
    axes.legend(loc="lower center")
    axes.set(title=f"Average precision {figures.average_precision:.3f}")


def _roc(axes: Any, curve: OperatingCurve, rows: Scored, figures: Evaluation) -> None:
    _recall_over_alarms(axes, curve, rows, color=BLUE)
    # Where no false alarm was raised, the point is at the axis' begin.
    alarms = max(figures.false_positives, 0.5) / _legitimate(rows)
    _point(axes, alarms, figures.recall, figures.threshold)
    axes.legend(loc="lower right")
    axes.set(title=f"ROC, area {figures.roc_auc:.3f}")


def _alerts(axes: Any, curve: OperatingCurve, figures: Evaluation) -> None:
    axes.plot(curve.alerts_a_day, curve.recall, color=BLUE, label="frauds")
    share = curve.amount_caught / (curve.amount or 1.0)
    axes.plot(curve.alerts_a_day, share, color=ORANGE, label="their amount")
    axes.set(
        title="What is caught for how many alerts",
        xlabel="alerts a day",
        ylabel="share caught",
        xscale="log",
        ylim=(0, 1.02),
    )
    _point(axes, figures.alerts_a_day, figures.recall, figures.threshold)
    axes.legend(loc="lower right")


def _reliability(axes: Any, figures: Evaluation) -> None:
    bins = figures.reliability
    axes.plot([0, 1], [0, 1], color=GREEN, linestyle="--", linewidth=1, label="calibrated")
    axes.plot([it.score for it in bins], [it.fraud_share for it in bins], "o", color=BLUE)
    for place, it in enumerate(bins):
        upper = it.fraud_share > 0.5  # noqa: PLR2004 - the label goes where there is room
        # Neighbours' labels are wider than a bin: every other one stands further away.
        away = 6 + 11 * (place % 2)
        axes.annotate(
            f"{it.transactions:,.0f}",
            (it.score, it.fraud_share),
            xytext=(0, away if upper else -away),
            textcoords="offset points",
            ha="center",
            va="bottom" if upper else "top",
            fontsize=9,
        )
    axes.set(
        title=f"Calibration error {figures.calibration_error:.5f}",
        xlabel="mean score (and how many transactions)",
        ylabel="share of frauds",
        xlim=(-0.12, 1.12),
        ylim=(-0.2, 1.2),
        yticks=np.linspace(0, 1, 6),
    )
    axes.legend(loc="center left")


def _point(axes: Any, across: float, up: float, threshold: float) -> None:
    """Mark the threshold; the legend says which it is, as beside the point there is the curve."""
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
