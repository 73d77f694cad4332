from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from model.errors import PolicyError
from model.evaluation.curve import OperatingCurve
from model.evaluation.threshold import (
    EXAMPLES,
    TOLERANCE,
    WITHOUT_FRAUDS,
    Policy,
    as_text,
    choose,
    cost,
)
from tests.support.scored import STEPS, scored

Column = NDArray[Any]


def chosen(labels: Any, scores: Any, weights: Any = None, *, policy: str = "f1") -> float:
    rows = scored(list(labels), list(scores), weights=None if weights is None else list(weights))
    return choose(OperatingCurve.of(rows), Policy.parse(policy))


def f1(labels: Column, scores: Column, threshold: float, weights: Column) -> float:
    flagged = scores >= np.float32(threshold)
    caught = weights[flagged & (labels == 1)].sum()
    return float(2 * caught / (weights[flagged].sum() + weights[labels == 1].sum()))


scored_rows = st.lists(
    st.tuples(
        st.integers(0, 1),
        # Few distinct values, so that ties are the rule; and neighbours among the float32.
        st.one_of(
            st.sampled_from([0.0, 0.25, 0.5, float(np.nextafter(np.float32(0.5), 1)), 1.0]),
            st.floats(0, 1, width=32),
        ),
        st.sampled_from([1.0, 0.5, 4.25]),
    ),
    min_size=1,
    max_size=40,
)


@given(scored_rows)
def test_no_other_threshold_has_a_much_better_f1(rows: list[tuple[int, float, float]]) -> None:
    labels, scores, weights = (np.array(column) for column in zip(*rows, strict=True))
    scores = scores.astype(np.float32)
    threshold = chosen(labels, scores, weights)
    assert 0 <= threshold <= 1
    assert float(np.float32(threshold)) == threshold
    if labels.any():
        best = max(f1(labels, scores, other, weights) for other in scores)
        assert f1(labels, scores, threshold, weights) >= best - TOLERANCE - 1e-9


@given(scored_rows, st.randoms())
def test_the_order_of_rows_does_not_matter(
    rows: list[tuple[int, float, float]], random: Random
) -> None:
    shuffled = random.sample(rows, len(rows))
    one, other = (chosen(*zip(*order, strict=True)) for order in (rows, shuffled))
    assert np.isclose(one, other, rtol=1e-12)


def test_a_clear_gap_is_split_in_the_middle() -> None:
    threshold = chosen(np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.6, 0.9], np.float32))
    assert np.isclose(threshold, 0.4)


def test_the_middle_of_a_flat_range_is_chosen() -> None:
    # 100 frauds: flagging the one at 0.3 changes F1 by 0.005, the 50 others by far more.
    scores = np.array([*[0.9] * 99, 0.3, *[0.1] * 50], np.float32)
    labels = np.array([1] * 100 + [0] * 50)
    assert np.isclose(chosen(labels, scores), 0.5)


def test_adjacent_float32_scores_have_no_number_between_them() -> None:
    fraud = np.nextafter(np.float32(0.5), np.float32(1))
    threshold = chosen(np.array([1, 0]), np.array([fraud, 0.5], np.float32))
    assert threshold == fraud


def test_rows_of_equal_score_are_flagged_together() -> None:
    labels, scores = np.array([1, 0, 0, 0, 1]), np.array([0.9, 0.5, 0.5, 0.5, 0.5], np.float32)
    # With 0.5 flagged: 2 of 5 correct, F1 4/7; with 0.9 alone: 1 of 1 correct, 1 missed, F1 2/3.
    assert np.isclose(chosen(labels, scores), 0.7)


def test_a_weight_counts_as_so_many_rows() -> None:
    labels, scores = np.array([1, 0, 1, 0]), np.array([0.9, 0.8, 0.7, 0.1], np.float32)
    assert np.isclose(chosen(labels, scores), 0.4)
    assert np.isclose(chosen(labels, scores, np.array([1.0, 9.0, 1.0, 1.0])), 0.85)


def test_without_frauds_the_threshold_is_fixed() -> None:
    assert chosen([0, 0, 0], [0.1, 0.2, 0.3]) == WITHOUT_FRAUDS


def by(policy: str) -> float:
    return choose(OperatingCurve.of(STEPS), Policy.parse(policy))


@pytest.mark.parametrize(
    ("policy", "threshold"),
    [
        ("precision:0.75", 0.7),
        ("precision:0.5", 0.3),  # 4 of 8
        ("recall:0.75", 0.7),
        ("recall:0.76", 0.3),
        ("recall:1", 0.3),
        ("alerts-per-day:8", 0.7),  # 4 in half a day
        ("alerts-per-day:15.9", 0.7),
        ("alerts-per-day:16", 0.3),
        ("cost:1", 0.3),  # 4 more reviews save an amount of 5
        ("cost:2", 0.7),
    ],
)
def test_a_policy_chooses_between_the_steps(policy: str, threshold: float) -> None:
    assert by(policy) == pytest.approx(threshold, rel=1e-6)


def test_the_cost_of_each_threshold_by_hand() -> None:
    costs = cost(OperatingCurve.of(STEPS), 2.0)
    assert costs.tolist() == [5 + 4 * 2, 0 + 8 * 2, 0 + 12 * 2]


@pytest.mark.parametrize(
    ("policy", "sentence"),
    [
        ("precision:0.8", r"No threshold reaches a precision of 0\.8; the best is 0\.750"),
        ("alerts-per-day:7", r"No threshold gives 7 alerts a day or fewer; the fewest are 8\.0"),
        ("cost:1000", "At 1000 a review, flagging nothing is cheapest"),
    ],
)
def test_an_unsatisfiable_policy_is_an_error(policy: str, sentence: str) -> None:
    with pytest.raises(PolicyError, match=sentence):
        by(policy)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("best", "There is no policy 'best'; choose f1, cost:REVIEW"),
        ("f1:3", "There is no policy 'f1'"),
        ("cost", "The policy cost needs a number, for example cost:10"),
        ("recall:much", r"The policy recall needs a number, for example recall:0\.8"),
        ("recall:1.1", r"needs a number above 0 and at most 1, not 1\.1"),
        ("alerts-per-day:0", "needs a number above 0, not 0"),
        ("cost:nan", "needs a number above 0, not nan"),
        ("cost:inf", "needs a number above 0, not inf"),
    ],
)
def test_an_invalid_policy_is_rejected(text: str, sentence: str) -> None:
    with pytest.raises(PolicyError, match=sentence):
        Policy.parse(text)


@pytest.mark.parametrize("text", EXAMPLES)
def test_a_policy_is_parsed_from_its_text(text: str) -> None:
    assert str(Policy.parse(text)) == text
    assert Policy.parse(text).sentence


@given(scored_rows, st.sampled_from(["precision", "recall", "alerts-per-day"]), st.floats(0.01, 1))
def test_a_chosen_threshold_satisfies_the_policy(
    rows: list[tuple[int, float, float]], name: str, share: float
) -> None:
    labels, scores, weights = (np.array(column) for column in zip(*rows, strict=True))
    if not labels.any():
        return
    curve = OperatingCurve.of(scored(list(labels), list(scores), weights=list(weights)))
    parameter = share * 100 if name == "alerts-per-day" else share
    try:
        threshold = choose(curve, Policy(name, parameter))
    except PolicyError:
        return
    flagged = scores.astype(np.float32) >= np.float32(threshold)
    caught, alerts = weights[flagged & (labels == 1)].sum(), weights[flagged].sum()
    kept = {
        "precision": lambda: caught / alerts >= share - 1e-9,
        "recall": lambda: caught / weights[labels == 1].sum() >= share - 1e-9,
        "alerts-per-day": lambda: alerts <= parameter + 1e-9,
    }
    assert kept[name]()


@pytest.mark.parametrize(
    ("threshold", "text"),
    [
        (0.5, "0.5000"),
        (0.98766, "0.9877"),
        (0.9999917, "0.9999917"),
        (0.0000123, "0.000012"),
        (0.0, "0.0000"),
        (1.0, "1.0000"),
    ],
)
def test_the_text_distinguishes_a_threshold_from_0_and_1(threshold: float, text: str) -> None:
    assert as_text(threshold) == text
