import pytest

from model.evaluation.curve import OperatingCurve
from model.evaluation.operating_points import operating_points
from model.evaluation.threshold import EXAMPLES, Policy
from tests.support.scored import STEPS

CURVE = OperatingCurve.of(STEPS)


def test_the_chosen_point_comes_first_with_what_comes_of_it() -> None:
    first, *others = operating_points(CURVE, Policy("cost", 2.0), 0.7)
    assert (first.policy, first.threshold) == ("cost:2", 0.7)
    # Three frauds of four are among the four flagged, in half a day.
    assert (first.precision, first.recall, first.alerts_a_day) == (0.75, 0.75, 8)
    assert [it.policy for it in others] == list(EXAMPLES)
    # All four are among the eight of the two highest scores.
    lower, *_ = operating_points(CURVE, Policy("cost", 2.0), 0.3)
    assert (lower.precision, lower.recall, lower.alerts_a_day) == (0.5, 1, 16)


def test_a_policy_that_was_followed_is_no_alternative_to_itself() -> None:
    found = operating_points(CURVE, Policy(), 0.7)
    assert [it.policy for it in found] == list(EXAMPLES)


def test_a_policy_that_no_threshold_satisfies_says_why() -> None:
    found = {it.policy: it for it in operating_points(CURVE, Policy(), 0.7)}
    assert found["precision:0.9"].threshold is None
    assert "the best is 0.750" in found["precision:0.9"].reason
    assert found["recall:0.8"].threshold == pytest.approx(0.3)
    assert found["recall:0.8"].reason == ""


def test_above_every_score_nothing_is_flagged() -> None:
    first, *_ = operating_points(CURVE, Policy(), 0.95)
    assert (first.precision, first.recall, first.alerts_a_day) == (0, 0, 0)
