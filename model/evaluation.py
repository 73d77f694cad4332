"""How good scores are: on rows that the network did not learn from."""

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from model.backend import installed


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """Figures over rows with a known label; a row counts as often as its weight says.

    Attributes:
        rows: rows judged.
        frauds: frauds among them.
        average_precision: area under precision over recall, as a step function (no
            interpolation); 0 where there is no fraud.
        roc_auc: chance that a fraud scores above a legitimate transaction; 0.5 where one of the
            two classes is missing.
        threshold: scores at or above it count as flagged.
        precision: share of frauds among the flagged; 0 where none is flagged.
        recall: share of the frauds that are flagged; 0 where there is none.
        flagged: rows flagged.
        amount_caught: sum of Amount over flagged frauds, in the data set's currency (euros).
        amount_missed: the same over frauds not flagged.
    """

    rows: int
    frauds: int
    average_precision: float
    roc_auc: float
    threshold: float
    precision: float
    recall: float
    flagged: int
    amount_caught: float
    amount_missed: float


def evaluate(
    labels: NDArray[Any],
    scores: NDArray[np.floating[Any]],
    amounts: NDArray[np.floating[Any]],
    threshold: float,
    weights: NDArray[np.floating[Any]] | None = None,
) -> Evaluation:
    """Return the figures of these scores.

    Args:
        labels: 1 for fraud and 0 for legitimate, [n].
        scores: [n]; higher is more suspicious.
        amounts: money behind each row, [n].
        threshold: scores at or above it are flagged.
        weights: how many transactions each row stands for, [n]; None for one each.
    """
    metrics = installed("sklearn.metrics")
    fraud = np.asarray(labels) == 1
    flagged = np.asarray(scores) >= threshold
    weight = np.ones(len(fraud)) if weights is None else np.asarray(weights, np.float64)
    caught, frauds, alerts = (
        float(weight[chosen].sum()) for chosen in (fraud & flagged, fraud, flagged)
    )
    both = fraud.any() and not fraud.all()
    return Evaluation(
        rows=len(fraud),
        frauds=int(fraud.sum()),
        average_precision=float(
            metrics.average_precision_score(fraud, scores, sample_weight=weight)
            if fraud.any()
            else 0.0
        ),
        roc_auc=float(metrics.roc_auc_score(fraud, scores, sample_weight=weight) if both else 0.5),
        threshold=threshold,
        precision=caught / alerts if alerts else 0.0,
        recall=caught / frauds if frauds else 0.0,
        flagged=int(flagged.sum()),
        amount_caught=float(amounts[fraud & flagged].sum()),
        amount_missed=float(amounts[fraud & ~flagged].sum()),
    )
