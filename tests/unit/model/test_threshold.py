from random import Random
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from model.threshold import TOLERANCE, WITHOUT_FRAUDS, choose

Column = NDArray[Any]


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
    threshold = choose(labels, scores, weights)
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
    chosen = [
        choose(*(np.array(column) for column in zip(*order, strict=True)))
        for order in (rows, shuffled)
    ]
    assert np.isclose(*chosen, rtol=1e-12)


def test_a_clear_gap_is_split_in_the_middle() -> None:
    threshold = choose(np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.6, 0.9], np.float32))
    assert np.isclose(threshold, 0.4)


def test_a_flat_stretch_is_taken_in_its_middle() -> None:
    # 100 frauds: whether the one at 0.3 is flagged moves F1 by 0.005, the 50 others below by far.
    scores = np.array([*[0.9] * 99, 0.3, *[0.1] * 50], np.float32)
    labels = np.array([1] * 100 + [0] * 50)
    assert np.isclose(choose(labels, scores), 0.5)


def test_there_is_no_number_between_neighbours() -> None:
    fraud = np.nextafter(np.float32(0.5), np.float32(1))
    threshold = choose(np.array([1, 0]), np.array([fraud, 0.5], np.float32))
    assert threshold == fraud


def test_rows_of_equal_score_stand_or_fall_together() -> None:
    labels, scores = np.array([1, 0, 0, 0, 1]), np.array([0.9, 0.5, 0.5, 0.5, 0.5], np.float32)
    # With 0.5 flagged: 2 of 5 right, F1 4/7; with 0.9 alone: 1 of 1 right and 1 missed, F1 2/3.
    assert np.isclose(choose(labels, scores), 0.7)


def test_a_weight_counts_as_so_many_rows() -> None:
    labels, scores = np.array([1, 0, 1, 0]), np.array([0.9, 0.8, 0.7, 0.1], np.float32)
    assert np.isclose(choose(labels, scores), 0.4)
    assert np.isclose(choose(labels, scores, np.array([1.0, 9.0, 1.0, 1.0])), 0.85)


def test_without_frauds_there_is_nothing_to_choose_by() -> None:
    assert choose(np.zeros(3), np.array([0.1, 0.2, 0.3], np.float32)) == WITHOUT_FRAUDS
