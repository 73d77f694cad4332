"""The contents of the panels about scores, as matplotlib holds them."""

from typing import Any

import msgspec
import numpy as np
import pytest
from matplotlib.figure import Figure

from model.evaluation.curve import OperatingCurve
from model.evaluation.evaluate import evaluate
from model.evaluation.operating_points import operating_points
from model.evaluation.threshold import Policy
from model.plots.panels import (
    evaluation_panels,
    operating_panels,
    precision_recall_curves,
    roc_curves,
)
from tests.support.scored import STEPS, scored


def panels(policy: Policy, threshold: float) -> list[Any]:
    figure = Figure()
    operating_panels(STEPS, operating_points(OperatingCurve.of(STEPS), policy, threshold))(figure)
    return figure.axes


def test_each_policy_with_a_threshold_is_marked_in_every_panel() -> None:
    shares, _, _, names = drawn = panels(Policy("cost", 2.0), 0.7)
    # No threshold reaches a precision of 90 %.
    assert [label.get_text() for label in names.get_yticklabels()] == [
        "cost:2 (chosen)",
        "f1",
        "cost:10",
        "recall:0.8",
        "alerts-per-day:100",
    ]
    for axes in drawn:
        lines = [
            line
            for line in axes.lines
            if len(set(line.get_xdata())) == 1 and len(line.get_xdata()) > 1
        ]
        assert max(line.get_xdata()[0] for line in lines) == pytest.approx(0.7)
        assert len(lines) == 5
    assert [text.get_text() for text in shares.get_legend().get_texts()] == ["precision", "recall"]


def test_curves_are_drawn_over_the_threshold_at_the_policys_cost_of_a_review() -> None:
    shares, alerts, costs, _ = panels(Policy("cost", 2.0), 0.7)
    for axes, line, values in (
        (shares, 0, [4 / 12, 4 / 8, 3 / 4]),
        (shares, 1, [1, 1, 3 / 4]),
        (alerts, 0, [24, 16, 8]),
        (costs, 0, [12 * 2, 8 * 2, 5 + 4 * 2]),
    ):
        assert np.allclose(axes.lines[line].get_xdata(), [0.1, 0.5, 0.9])
        assert np.allclose(axes.lines[line].get_ydata(), values)
    assert costs.get_title().endswith("at 2 each")


def test_scores_of_0_and_1_stay_on_the_axis() -> None:
    rows = scored([1, 0, 1, 0], [1.0, 0.5, 0.3, 0.0])
    figure = Figure()
    operating_panels(rows, operating_points(OperatingCurve.of(rows), Policy(), 1.0))(figure)
    low, high = figure.axes[0].get_xlim()
    assert 0 < low < high < 1
    for axes in figure.axes:
        for line in axes.lines:
            across = np.asarray(line.get_xdata())
            assert ((across > 0) & (across < 1)).all()


def test_curves_are_labelled_and_weighted() -> None:
    heavy = scored([1, 0], [0.4, 0.6], weights=[1.0, 3.0])
    figure = Figure()
    precision_recall_curves({"first": STEPS, "second": heavy})(figure)
    axes = figure.axes[0]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["first", "second"]
    assert np.asarray(axes.lines[1].get_ydata())[-1] == pytest.approx(1 / 4)
    figure = Figure()
    roc_curves({"first": STEPS})(figure)
    assert np.allclose(figure.axes[0].lines[0].get_xdata(), [1 / 8, 4 / 8, 1])


@pytest.mark.parametrize("warning", [None, "This network was trained on these rows."])
def test_a_warning_stands_above_the_panels(warning: str | None) -> None:
    figure = Figure()
    evaluation = msgspec.structs.replace(evaluate(STEPS, 0.5, resamples=10), warning=warning)
    evaluation_panels(STEPS, evaluation)(figure)
    assert figure.get_suptitle() == (warning or "")
