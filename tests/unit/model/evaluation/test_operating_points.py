import pytest

from model.evaluation.curve import OperatingCurve
from model.evaluation.operating_points import operating_points
from model.evaluation.threshold import EXAMPLES, Policy
from tests.support.scored import STEPS

CURVE = OperatingCurve.of(STEPS)


def test_the_chosen_point_comes_first_with_its_metrics() -> None:
    first, *others = operating_points(CURVE, Policy("cost", 2.0), 0.7)
    assert (first.policy, first.threshold) == ("cost:2", 0.7)
    # Three frauds of four are among the four flagged, in half a day.
    assert (first.precision, first.recall, first.alerts_a_day) == (0.75, 0.75, 8)
    assert [point.policy for point in others] == list(EXAMPLES)
    # All four are among the eight of the two highest scores.
    lower, *_ = operating_points(CURVE, Policy("cost", 2.0), 0.3)
    assert (lower.precision, lower.recall, lower.alerts_a_day) == (0.5, 1, 16)


def test_the_chosen_policy_is_listed_once() -> None:
    points = operating_points(CURVE, Policy(), 0.7)
    assert [point.policy for point in points] == list(EXAMPLES)


def test_an_unsatisfiable_policy_has_a_reason() -> None:
    by_policy = {point.policy: point for point in operating_points(CURVE, Policy(), 0.7)}
    assert by_policy["precision:0.9"].threshold is None
    assert "the best is 0.750" in by_policy["precision:0.9"].reason
    assert by_policy["recall:0.8"].threshold == pytest.approx(0.3)
    assert by_policy["recall:0.8"].reason == ""


def test_above_every_score_nothing_is_flagged() -> None:
    first, *_ = operating_points(CURVE, Policy(), 0.95)
    assert (first.precision, first.recall, first.alerts_a_day) == (0, 0, 0)
