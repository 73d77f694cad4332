"""How good scores are: on rows that the network did not learn from."""

import msgspec
import numpy as np

from model.evaluation.curve import OperatingCurve, Scored, average_precision_interval
from model.evaluation.threshold import as_text
from model.serving.backend import installed

TOP_A_DAY = 100
"""What a team of a few people can look at in a day."""

BINS = 10


class Bin(msgspec.Struct, frozen=True, kw_only=True):
    """Transactions of about the same score.

    Attributes:
        score: their mean score.
        fraud_share: share of frauds among them; the same, where scores are calibrated.
        transactions: how many.
    """

    score: float
    fraud_share: float
    transactions: float


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """Figures over rows with a known label; a row counts as often as its weight says.

    Attributes:
        rows: rows judged.
        frauds: frauds among them.
        transactions: that the rows stand for: the sum of their weights.
        days: that they span.
        average_precision: area under precision over recall, as a step function (no
            interpolation); 0 where there is no fraud.
        average_precision_low: lower end of its 95 % interval, by `resamples` of the rows.
        average_precision_high: upper end.
        roc_auc: chance that a fraud scores above a legitimate transaction; 0.5 where one of the
            two classes is missing.
        recall_at_precision_80: share of the frauds caught by the lowest threshold at which at
            least 80 % of the flagged are frauds; 0 where there is none.
        recall_at_precision_90: the same with 90 %.
        top_precision: share of frauds among the `TOP_A_DAY` highest scores a day.
        threshold: scores at or above it count as flagged.
        precision: share of frauds among the flagged; 0 where none is flagged.
        recall: share of the frauds that are flagged; 0 where there is none.
        flagged: transactions flagged.
        alerts_a_day: the same a day.
        true_positives: frauds flagged.
        false_positives: legitimate transactions flagged.
        true_negatives: legitimate transactions not flagged.
        false_negatives: frauds not flagged.
        amount_caught: sum of Amount over flagged frauds, in the data set's currency (euros).
        amount_missed: the same over frauds not flagged.
        brier: mean square of score minus label (Brier, Verification of forecasts expressed in
            terms of probability, 1950).
        calibration_error: mean distance between score and share of frauds over `BINS` bins of
            equal width (Naeini, Cooper, Hauskrecht, Obtaining Well Calibrated Probabilities Using
            Bayesian Binning, 2015).
        reliability: those bins, without the empty ones.
    """

    rows: int
    frauds: int
    transactions: float
    days: float
    average_precision: float
    average_precision_low: float
    average_precision_high: float
    roc_auc: float
    recall_at_precision_80: float
    recall_at_precision_90: float
    top_precision: float
    threshold: float
    precision: float
    recall: float
    flagged: float
    alerts_a_day: float
    true_positives: float
    false_positives: float
    true_negatives: float
    false_negatives: float
    amount_caught: float
    amount_missed: float
    brier: float
    calibration_error: float
    reliability: list[Bin]


def evaluate(rows: Scored, threshold: float, *, resamples: int = 1000) -> Evaluation:
    """Return the figures of at least one row.

    Args:
        rows: labelled and scored.
        threshold: scores at or above it are flagged.
        resamples: for the interval of the average precision.
    """
    curve = OperatingCurve.of(rows)
    flagged = rows.scores >= threshold
    caught, alarms, missed, passed = (
        float(rows.weights[chosen].sum())
        for chosen in (
            rows.fraud & flagged,
            ~rows.fraud & flagged,
            rows.fraud & ~flagged,
            ~rows.fraud & ~flagged,
        )
    )
    money = rows.weights * rows.amounts
    low, high = average_precision_interval(rows, resamples=resamples)
    bins = reliability(rows)
    return Evaluation(
        rows=len(rows.fraud),
        frauds=int(rows.fraud.sum()),
        transactions=float(rows.weights.sum()),
        days=rows.days,
        average_precision=curve.average_precision,
        average_precision_low=low,
        average_precision_high=high,
        roc_auc=_roc_auc(rows),
        recall_at_precision_80=_recall_at(curve, 0.8),
        recall_at_precision_90=_recall_at(curve, 0.9),
        top_precision=_top_precision(curve),
        threshold=threshold,
        precision=caught / (caught + alarms) if flagged.any() else 0.0,
        recall=caught / (caught + missed) if rows.fraud.any() else 0.0,
        flagged=caught + alarms,
        alerts_a_day=(caught + alarms) / rows.days,
        true_positives=caught,
        false_positives=alarms,
        true_negatives=passed,
        false_negatives=missed,
        amount_caught=float(money[rows.fraud & flagged].sum()),
        amount_missed=float(money[rows.fraud & ~flagged].sum()),
        brier=float(np.average((rows.scores - rows.fraud) ** 2, weights=rows.weights)),
        calibration_error=calibration_error(bins),
        reliability=bins,
    )


def reliability(rows: Scored) -> list[Bin]:
    """Return how scores and shares of frauds go together, the lowest scores first."""
    place = np.minimum((rows.scores * BINS).astype(int), BINS - 1)
    weights, scores, frauds = (
        np.bincount(place, weights=values, minlength=BINS)
        for values in (rows.weights, rows.weights * rows.scores, rows.weights * rows.fraud)
    )
    return [
        Bin(score=score / weight, fraud_share=fraud / weight, transactions=weight)
        for weight, score, fraud in zip(
            weights.tolist(), scores.tolist(), frauds.tolist(), strict=True
        )
        if weight
    ]


def calibration_error(bins: list[Bin]) -> float:
    """Return the mean distance between score and share of frauds, over all transactions."""
    distance = sum(it.transactions * abs(it.score - it.fraud_share) for it in bins)
    return distance / sum(it.transactions for it in bins)


def _roc_auc(rows: Scored) -> float:
    if rows.fraud.all() or not rows.fraud.any():
        return 0.5
    metrics = installed("sklearn.metrics")
    return float(metrics.roc_auc_score(rows.fraud, rows.scores, sample_weight=rows.weights))


def _recall_at(curve: OperatingCurve, precision: float) -> float:
    return float(curve.recall[curve.precision >= precision].max(initial=0.0))


def _top_precision(curve: OperatingCurve) -> float:
    """Among equal scores, of which only some are in the top, frauds count as they are mixed."""
    top = min(TOP_A_DAY * curve.days, float(curve.flagged[-1]))
    caught = np.interp(top, np.append(0.0, curve.flagged), np.append(0.0, curve.caught))
    return float(caught) / top


def figures_table(figures: Evaluation) -> list[tuple[str, str]]:
    """Return names and values for people, money in the data set's currency."""
    low, high = figures.average_precision_low, figures.average_precision_high
    return [
        ("average precision", f"{figures.average_precision:.4f} (95 % {low:.3f} to {high:.3f})"),
        ("ROC AUC", f"{figures.roc_auc:.4f}"),
        ("recall at precision 0.8", f"{figures.recall_at_precision_80:.4f}"),
        ("recall at precision 0.9", f"{figures.recall_at_precision_90:.4f}"),
        (f"precision among the top {TOP_A_DAY} a day", f"{figures.top_precision:.4f}"),
        ("threshold", as_text(figures.threshold)),
        ("precision at the threshold", f"{figures.precision:.4f}"),
        ("recall at the threshold", f"{figures.recall:.4f}"),
        ("alerts a day", f"{figures.alerts_a_day:,.1f}"),
        ("frauds flagged", f"{figures.true_positives:,.0f}"),
        ("frauds missed", f"{figures.false_negatives:,.0f}"),
        ("legitimate transactions flagged", f"{figures.false_positives:,.0f}"),
        ("legitimate transactions passed", f"{figures.true_negatives:,.0f}"),
        ("fraud amount caught", f"{figures.amount_caught:,.2f}"),
        ("fraud amount missed", f"{figures.amount_missed:,.2f}"),
        ("Brier score", f"{figures.brier:.6f}"),
        ("expected calibration error", f"{figures.calibration_error:.6f}"),
    ]
