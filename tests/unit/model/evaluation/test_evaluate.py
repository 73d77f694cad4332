from dataclasses import replace

import numpy as np
import pytest

from model.evaluation.curve import Scored
from model.evaluation.evaluate import TOP_A_DAY, evaluate, metrics_text
from tests.support.scored import scored

ROWS = scored([1, 0, 1, 0], [0.9, 0.8, 0.7, 0.1], amounts=[100.0, 7.0, 30.0, 5.0], days=0.5)


def test_the_metrics_of_four_rows_by_hand() -> None:
    metrics = evaluate(ROWS, 0.75)
    # Precision where each fraud is reached: 1/1 and 2/3, each a step of half the recall.
    assert metrics.average_precision == pytest.approx((1 + 2 / 3) / 2)
    # Of the four pairs of a fraud and a legitimate row, one is in the wrong order.
    assert metrics.roc_auc == pytest.approx(3 / 4)
    assert (metrics.precision, metrics.recall, metrics.flagged) == (0.5, 0.5, 2)
    assert metrics.alerts_a_day == 4
    assert (metrics.true_positives, metrics.false_positives) == (1, 1)
    assert (metrics.true_negatives, metrics.false_negatives) == (1, 1)
    assert (metrics.amount_caught, metrics.amount_missed) == (100.0, 30.0)
    assert (metrics.rows, metrics.frauds, metrics.threshold) == (4, 2, 0.75)
    assert metrics.brier == pytest.approx((0.1**2 + 0.8**2 + 0.3**2 + 0.1**2) / 4, rel=1e-6)


def test_recall_at_a_precision_is_the_highest_with_that_precision() -> None:
    rows = scored([1, 1, 1, 1, 0, 1, 0], [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3])
    metrics = evaluate(rows, 0.5)
    assert metrics.recall_at_precision_90 == pytest.approx(4 / 5)
    assert metrics.recall_at_precision_80 == 1.0  # 5 of 6 are frauds
    assert evaluate(scored([0, 1], [0.9, 0.1]), 0.5).recall_at_precision_80 == 0


def test_the_top_scores_are_counted_per_day() -> None:
    legitimate = [0] * 1000
    scores = np.linspace(0.9, 0.1, 1000).tolist()
    frauds = legitimate.copy()
    frauds[: TOP_A_DAY // 2] = [1] * (TOP_A_DAY // 2)
    assert evaluate(scored(frauds, scores), 0.5).top_precision == pytest.approx(0.5)
    assert evaluate(scored(frauds, scores, days=2), 0.5).top_precision == pytest.approx(0.25)
    # All scores equal: the top has the same share of frauds as all rows.
    assert evaluate(scored(frauds, [0.5] * 1000), 0.5).top_precision == pytest.approx(0.05)


def test_a_row_at_the_threshold_is_flagged() -> None:
    assert evaluate(ROWS, float(np.float32(0.7))).flagged == 3


def repeated(rows: Scored) -> Scored:
    times = rows.weights.astype(int)
    return Scored(
        fraud=rows.fraud.repeat(times),
        scores=rows.scores.repeat(times),
        amounts=rows.amounts.repeat(times),
        weights=np.ones(times.sum()),
        days=rows.days,
    )


def test_a_weight_counts_as_so_many_rows() -> None:
    rows = replace(ROWS, weights=np.array([1.0, 3.0, 2.0, 1.0]))
    # The interval depends on the number of rows; everything else is the same.
    other = {"rows", "frauds", "average_precision_low", "average_precision_high", "reliability"}
    weighted, many = evaluate(rows, 0.75), evaluate(repeated(rows), 0.75)
    assert weighted.precision == 0.25
    for name in set(weighted.__struct_fields__) - other:
        assert getattr(weighted, name) == pytest.approx(getattr(many, name)), name
    for mine, theirs in zip(weighted.reliability, many.reliability, strict=True):
        assert (mine.transactions, mine.fraud_share) == (theirs.transactions, theirs.fraud_share)
        assert mine.score == pytest.approx(theirs.score)


def test_calibrated_scores_have_no_calibration_error() -> None:
    calibrated = scored([1, 0, 0, 0, 1, 1, 1, 0], [0.25] * 4 + [0.75] * 4)
    assert evaluate(calibrated, 0.5).calibration_error == 0
    assert [cell.fraud_share for cell in evaluate(calibrated, 0.5).reliability] == [0.25, 0.75]
    wrong = scored([1, 1, 1, 1, 0, 0, 0, 0], [0.25] * 4 + [0.75] * 4)
    assert evaluate(wrong, 0.5).calibration_error == 0.75


@pytest.mark.parametrize(("label", "precision"), [(0, 0.0), (1, 1.0)])
def test_one_class_alone_gives_metrics_without_a_warning(label: int, precision: float) -> None:
    metrics = evaluate(scored([label] * 4, [0.9, 0.8, 0.7, 0.1]), 0.75)
    assert (metrics.precision, metrics.roc_auc) == (precision, 0.5)
    assert metrics.average_precision == precision


def test_nothing_flagged_is_precision_zero() -> None:
    metrics = evaluate(ROWS, 1.0)
    assert (metrics.precision, metrics.recall, metrics.flagged) == (0.0, 0.0, 0)


def test_the_table_names_each_metric_once() -> None:
    names = [name for name, _ in metrics_text(evaluate(ROWS, 0.75))]
    assert len(names) == len(set(names))
    assert "precision among the top 100 a day" in names
