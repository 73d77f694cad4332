import numpy as np
import pytest

from model.evaluation import evaluate

LABELS = np.array([1, 0, 1, 0])
SCORES = np.array([0.9, 0.8, 0.7, 0.1], np.float32)
AMOUNTS = np.array([100.0, 7.0, 30.0, 5.0])


def test_the_figures_of_four_rows_by_hand() -> None:
    figures = evaluate(LABELS, SCORES, AMOUNTS, threshold=0.75)
    # Precision where each fraud is reached: 1/1 and 2/3, each a step of half the recall.
    assert figures.average_precision == pytest.approx((1 + 2 / 3) / 2)
    # Of the four pairs of a fraud and a legitimate row, one stands the wrong way round.
    assert figures.roc_auc == pytest.approx(3 / 4)
    assert (figures.precision, figures.recall, figures.flagged) == (0.5, 0.5, 2)
    assert (figures.amount_caught, figures.amount_missed) == (100.0, 30.0)
    assert (figures.rows, figures.frauds, figures.threshold) == (4, 2, 0.75)


def test_a_row_at_the_threshold_is_flagged() -> None:
    assert evaluate(LABELS, SCORES.astype(float), AMOUNTS, threshold=float(SCORES[2])).flagged == 3


def test_a_weight_counts_as_so_many_rows() -> None:
    weights = np.array([1.0, 3.0, 1.0, 1.0])
    repeated = [column.repeat(weights.astype(int)) for column in (LABELS, SCORES, AMOUNTS)]
    weighted = evaluate(LABELS, SCORES, AMOUNTS, 0.75, weights)
    many = evaluate(*repeated, 0.75)
    assert weighted.precision == many.precision == 0.25
    assert weighted.average_precision == pytest.approx(many.average_precision)
    assert weighted.roc_auc == pytest.approx(many.roc_auc)


@pytest.mark.parametrize(("label", "precision"), [(0, 0.0), (1, 1.0)])
def test_one_class_alone_has_figures_and_no_warning(label: int, precision: float) -> None:
    figures = evaluate(np.full(4, label), SCORES, AMOUNTS, threshold=0.75)
    assert (figures.precision, figures.roc_auc) == (precision, 0.5)
    assert figures.average_precision == precision


def test_nothing_flagged_is_precision_zero() -> None:
    figures = evaluate(LABELS, SCORES, AMOUNTS, threshold=1.0)
    assert (figures.precision, figures.recall, figures.flagged) == (0.0, 0.0, 0)
