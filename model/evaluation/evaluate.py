"""Evaluate scores on labelled rows."""

import msgspec
import numpy as np

from model.evaluation.curve import OperatingCurve, Scored, average_precision_interval
from model.evaluation.results import Evaluation, ReliabilityBin
from model.evaluation.threshold import as_text
from model.serving.backend import installed

TOP_A_DAY = 100
"""Alerts that a team of a few people can review in a day."""

BINS = 10


def evaluate(rows: Scored, threshold: float, *, resamples: int = 1000) -> Evaluation:
    """Return the metrics of at least one row.

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


def at_threshold(evaluation: Evaluation, curve: OperatingCurve, threshold: float) -> Evaluation:
    """Return an evaluation of the same rows with another threshold.

    Args:
        evaluation: with any threshold.
        curve: of its rows.
        threshold: the other one.
    """
    last = curve.steps_at(threshold) - 1
    flagged, caught, amount = (
        (float(curve.flagged[last]), float(curve.caught[last]), float(curve.amount_caught[last]))
        if last >= 0
        else (0.0, 0.0, 0.0)
    )
    return msgspec.structs.replace(
        evaluation,
        threshold=threshold,
        precision=caught / flagged if flagged else 0.0,
        recall=caught / curve.frauds if curve.frauds else 0.0,
        flagged=flagged,
        alerts_a_day=flagged / curve.days,
        true_positives=caught,
        false_positives=flagged - caught,
        true_negatives=evaluation.transactions - curve.frauds - (flagged - caught),
        false_negatives=curve.frauds - caught,
        amount_caught=amount,
        amount_missed=curve.amount - amount,
    )


def reliability(rows: Scored) -> list[ReliabilityBin]:
    """Return mean score and share of frauds in bins of equal width, the lowest scores first."""
    bins = np.minimum((rows.scores * BINS).astype(int), BINS - 1)
    weights, scores, frauds = (
        np.bincount(bins, weights=values, minlength=BINS)
        for values in (rows.weights, rows.weights * rows.scores, rows.weights * rows.fraud)
    )
    return [
        ReliabilityBin(score=score / weight, fraud_share=fraud / weight, transactions=weight)
        for weight, score, fraud in zip(
            weights.tolist(), scores.tolist(), frauds.tolist(), strict=True
        )
        if weight
    ]


def calibration_error(bins: list[ReliabilityBin]) -> float:
    """Return the mean distance between score and share of frauds, over all transactions."""
    distance = sum(cell.transactions * abs(cell.score - cell.fraud_share) for cell in bins)
    return distance / sum(cell.transactions for cell in bins)


def _roc_auc(rows: Scored) -> float:
    if rows.fraud.all() or not rows.fraud.any():
        return 0.5
    metrics = installed("sklearn.metrics")
    return float(metrics.roc_auc_score(rows.fraud, rows.scores, sample_weight=rows.weights))


def _recall_at(curve: OperatingCurve, precision: float) -> float:
    return float(curve.recall[curve.precision >= precision].max(initial=0.0))


def _top_precision(curve: OperatingCurve) -> float:
    """Return the precision of the highest scores; of equal scores at the border, a mean part."""
    top = min(TOP_A_DAY * curve.days, float(curve.flagged[-1]))
    caught = np.interp(top, np.append(0.0, curve.flagged), np.append(0.0, curve.caught))
    return float(caught) / top


def metrics_text(evaluation: Evaluation) -> list[tuple[str, str]]:
    """Return names and formatted values of the metrics, amounts in the data set's currency."""
    low, high = evaluation.average_precision_low, evaluation.average_precision_high
    return [
        ("average precision", f"{evaluation.average_precision:.4f} (95 % {low:.3f} to {high:.3f})"),
        ("ROC AUC", f"{evaluation.roc_auc:.4f}"),
        ("recall at precision 0.8", f"{evaluation.recall_at_precision_80:.4f}"),
        ("recall at precision 0.9", f"{evaluation.recall_at_precision_90:.4f}"),
        (f"precision among the top {TOP_A_DAY} a day", f"{evaluation.top_precision:.4f}"),
        ("threshold", as_text(evaluation.threshold)),
        ("precision at the threshold", f"{evaluation.precision:.4f}"),
        ("recall at the threshold", f"{evaluation.recall:.4f}"),
        ("alerts a day", f"{evaluation.alerts_a_day:,.1f}"),
        ("frauds flagged", f"{evaluation.true_positives:,.0f}"),
        ("frauds missed", f"{evaluation.false_negatives:,.0f}"),
        ("legitimate transactions flagged", f"{evaluation.false_positives:,.0f}"),
        ("legitimate transactions passed", f"{evaluation.true_negatives:,.0f}"),
        ("fraud amount caught", f"{evaluation.amount_caught:,.2f}"),
        ("fraud amount missed", f"{evaluation.amount_missed:,.2f}"),
        ("Brier score", f"{evaluation.brier:.6f}"),
        ("expected calibration error", f"{evaluation.calibration_error:.6f}"),
    ]
