from dataclasses import replace

import numpy as np
import pytest

from model.evaluation.curve import Scored
from model.evaluation.evaluate import TOP_A_DAY, evaluate, figures_table
from tests.support.scored import scored

ROWS = scored([1, 0, 1, 0], [0.9, 0.8, 0.7, 0.1], amounts=[100.0, 7.0, 30.0, 5.0], days=0.5)


def test_the_figures_of_four_rows_by_hand() -> None:
    figures = evaluate(ROWS, 0.75)
    # Precision where each fraud is reached: 1/1 and 2/3, each a step of half the recall.
    assert figures.average_precision == pytest.approx((1 + 2 / 3) / 2)
    # Of the four pairs of a fraud and a legitimate row, one stands the wrong way round.
    assert figures.roc_auc == pytest.approx(3 / 4)
    assert (figures.precision, figures.recall, figures.flagged) == (0.5, 0.5, 2)
    assert figures.alerts_a_day == 4
    assert (figures.true_positives, figures.false_positives) == (1, 1)
    assert (figures.true_negatives, figures.false_negatives) == (1, 1)
    assert (figures.amount_caught, figures.amount_missed) == (100.0, 30.0)
    assert (figures.rows, figures.frauds, figures.threshold) == (4, 2, 0.75)
    assert figures.brier == pytest.approx((0.1**2 + 0.8**2 + 0.3**2 + 0.1**2) / 4, rel=1e-6)


def test_recall_at_a_precision_takes_the_most_that_holds_it() -> None:
    rows = scored([1, 1, 1, 1, 0, 1, 0], [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3])
    figures = evaluate(rows, 0.5)
    assert figures.recall_at_precision_90 == pytest.approx(4 / 5)
    assert figures.recall_at_precision_80 == 1.0  # 5 of 6 are frauds
    assert evaluate(scored([0, 1], [0.9, 0.1]), 0.5).recall_at_precision_80 == 0


def test_the_top_of_a_day_counts_as_many_as_the_days_have() -> None:
    legitimate = [0] * 1000
    scores = np.linspace(0.9, 0.1, 1000).tolist()
    frauds = legitimate.copy()
    frauds[: TOP_A_DAY // 2] = [1] * (TOP_A_DAY // 2)
    assert evaluate(scored(frauds, scores), 0.5).top_precision == pytest.approx(0.5)
    assert evaluate(scored(frauds, scores, days=2), 0.5).top_precision == pytest.approx(0.25)
    # All scores equal: the top holds as many frauds as the whole, in the mean.
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
    # The interval resamples rows, of which there are more; everything else is the same.
    other = {"rows", "frauds", "average_precision_low", "average_precision_high", "reliability"}
    weighted, many = evaluate(rows, 0.75), evaluate(repeated(rows), 0.75)
    assert weighted.precision == 0.25
    for name in set(weighted.__struct_fields__) - other:
        assert getattr(weighted, name) == pytest.approx(getattr(many, name)), name
    for mine, theirs in zip(weighted.reliability, many.reliability, strict=True):
        assert (mine.transactions, mine.fraud_share) == (theirs.transactions, theirs.fraud_share)
        assert mine.score == pytest.approx(theirs.score)


def test_scores_that_are_shares_have_no_calibration_error() -> None:
    right = scored([1, 0, 0, 0, 1, 1, 1, 0], [0.25] * 4 + [0.75] * 4)
    assert evaluate(right, 0.5).calibration_error == 0
    assert [it.fraud_share for it in evaluate(right, 0.5).reliability] == [0.25, 0.75]
    wrong = scored([1, 1, 1, 1, 0, 0, 0, 0], [0.25] * 4 + [0.75] * 4)
    assert evaluate(wrong, 0.5).calibration_error == 0.75


@pytest.mark.parametrize(("label", "precision"), [(0, 0.0), (1, 1.0)])
def test_one_class_alone_has_figures_and_no_warning(label: int, precision: float) -> None:
    figures = evaluate(scored([label] * 4, [0.9, 0.8, 0.7, 0.1]), 0.75)
    assert (figures.precision, figures.roc_auc) == (precision, 0.5)
    assert figures.average_precision == precision


def test_nothing_flagged_is_precision_zero() -> None:
    figures = evaluate(ROWS, 1.0)
    assert (figures.precision, figures.recall, figures.flagged) == (0.0, 0.0, 0)


def test_the_table_names_each_figure_once() -> None:
    names = [name for name, _ in figures_table(evaluate(ROWS, 0.75))]
    assert len(names) == len(set(names))
    assert "precision among the top 100 a day" in names
