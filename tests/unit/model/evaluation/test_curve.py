import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from dataset.columns import COLUMNS
from model.evaluation.curve import (
    OperatingCurve,
    Scored,
    average_precision_interval,
    interval,
    resampled_average_precision,
)
from model.labelled import Labelled
from tests.support.scored import scored

rows_with_fraud = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]),  # few values, so that ties are the rule
        st.sampled_from([1.0, 0.5, 4.25]),
    ),
    min_size=1,
    max_size=40,
).filter(lambda rows: any(label for label, _, _ in rows))


@given(rows_with_fraud)
def test_average_precision_is_that_of_scikit_learn(rows: list[tuple[int, float, float]]) -> None:
    labels, scores, weights = zip(*rows, strict=True)
    theirs = average_precision_score(labels, scores, sample_weight=weights)
    curve = OperatingCurve.of(scored(labels, scores, weights=weights))
    assert curve.average_precision == pytest.approx(theirs)


def test_a_step_is_all_rows_of_one_score() -> None:
    curve = OperatingCurve.of(
        scored([1, 0, 1, 0], [0.9, 0.5, 0.5, 0.1], amounts=[100, 7, 30, 5], days=0.5)
    )
    assert curve.flagged.tolist() == [1, 3, 4]
    assert curve.caught.tolist() == [1, 2, 2]
    assert curve.amount_caught.tolist() == [100, 130, 130]
    assert curve.alerts_a_day.tolist() == [2, 6, 8]
    assert curve.precision.tolist() == pytest.approx([1, 2 / 3, 1 / 2])
    assert curve.recall.tolist() == [0.5, 1, 1]
    assert (curve.frauds, curve.amount) == (2, 130)


def test_scored_rows_span_their_time() -> None:
    frame = pd.DataFrame(0.0, index=range(2), columns=list(COLUMNS))
    frame["Time"], frame["Amount"], frame["Class"] = [0.0, 43_200.0], [3.0, 4.0], [0, 1]
    labelled = Labelled.of(frame)
    rows = Scored.of(labelled, np.array([0.1, 0.2], np.float32))
    assert rows.days == 0.5
    assert rows.weights.tolist() == [1, 1]
    assert rows.fraud.tolist() == [False, True]
    assert rows.amounts.tolist() == [3, 4]
    one = Scored.of(labelled.take(slice(1)), np.array([0.1]))
    assert one.days == pytest.approx(1 / 86_400)


def test_the_interval_contains_the_value_and_narrows_with_more_rows() -> None:
    labels, scores = [1, 0, 1, 0, 0, 1, 0, 0], [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.2, 0.1]
    few = scored(labels * 2, scores * 2)
    many = scored(labels * 50, scores * 50)
    value = OperatingCurve.of(many).average_precision
    widths = []
    for rows in (few, many):
        low, high = average_precision_interval(rows, resamples=200)
        assert low < value < high
        widths.append(high - low)
    # 25 times the rows: about a fifth of the width.
    assert 3 < widths[0] / widths[1] < 8


def test_the_interval_covers_95_percent() -> None:
    """The intervals of about 95 % of many samples contain the population's value."""
    random = np.random.default_rng(1)

    def sample(rows: int) -> Scored:
        labels = random.random(rows) < 0.2
        return scored(
            labels.astype(int).tolist(), (random.normal(size=rows) + 1.5 * labels).tolist()
        )

    truth = OperatingCurve.of(sample(200_000)).average_precision
    intervals = [average_precision_interval(sample(400), resamples=200) for _ in range(100)]
    assert 85 <= sum(low <= truth <= high for low, high in intervals) <= 100


def test_without_frauds_the_interval_is_0_to_0() -> None:
    assert average_precision_interval(scored([0, 0], [0.1, 0.2])) == (0.0, 0.0)


def test_resamples_are_those_of_scikit_learn_on_the_rows_drawn() -> None:
    labels, scores = [0, 1, 0, 1, 0, 0], [0.5, 0.9, 0.4, 0.6, 0.9, 0.6]
    weights = [0.5, 1, 4.25, 1, 4.25, 1]
    values = resampled_average_precision(
        [scored(labels, scores, weights=weights)], resamples=20, seed=3
    )
    random = np.random.default_rng(3)
    for value in values[0]:
        drawn = random.integers(0, 6, 6)
        while not np.array(labels)[drawn].any():
            drawn = random.integers(0, 6, 6)
        theirs = average_precision_score(
            *(np.array(values)[drawn] for values in (labels, scores)),
            sample_weight=np.array(weights)[drawn],
        )
        assert value == pytest.approx(theirs)


def test_models_are_compared_on_the_same_resamples() -> None:
    """Two models that rank the rows alike are equal in each resample, not only on average."""
    random = np.random.default_rng(4)
    labels = (random.random(300) < 0.1).astype(int).tolist()
    scores = random.normal(size=300) + labels
    first, second, better = resampled_average_precision(
        [
            scored(labels, values.tolist())
            for values in (scores, np.exp(scores), scores + 1.0 * np.array(labels))
        ],
        resamples=50,
    )
    assert first.tolist() == second.tolist()
    assert interval(better - first)[0] > 0


def test_rows_of_weight_0_do_not_count() -> None:
    labels, scores = [1, 0, 0, 1, 0, 0], [0.9, 0.8, 0.7, 0.6, 0.5, 0.4]
    weights = ([1.0, 1, 0, 0, 0, 0], [0.0, 0, 0, 1, 1, 1])
    first, last = resampled_average_precision(
        [scored(labels, scores, weights=part) for part in weights], resamples=50
    )
    # Each has one fraud, which ranks above its own legitimate rows.
    assert first.tolist() == last.tolist() == [1.0] * 50
