"""The share of frauds among real card payments, and what another share does to precision."""

from dataset.columns import FRAUDS, ROWS
from model.evaluation.results import Evaluation

USUAL_SHARE = FRAUDS / ROWS
"""In the original data set: 0.173 %."""

HIGH_SHARE = 0.01
"""Six times the usual share. A larger one comes from leaving out legitimate transactions."""


def fraud_share(evaluation: Evaluation) -> float:
    """Return the share of frauds among the evaluated transactions."""
    return (evaluation.true_positives + evaluation.false_negatives) / evaluation.transactions


def share_warning(share: float) -> str | None:
    """Return a sentence if a share of frauds is too high for real payments."""
    if share <= HIGH_SHARE:
        return None
    return (
        f"{share:.1%} of these transactions are frauds; among real card payments, it is about "
        f"{USUAL_SHARE:.2%}, so scores, precision and alerts will be far too high."
    )


def few_rows_warning(evaluation: Evaluation, prior: float) -> str | None:
    """Return a sentence if too few legitimate rows were evaluated to measure precision at a share.

    With fewer than one legitimate row for each that comes with a fraud, a single row that is
    flagged or not decides whether precision is below a half or 1.
    """
    legitimate = evaluation.rows - evaluation.frauds
    if legitimate * prior >= 1:
        return None
    return (
        f"Only {legitimate:,} legitimate rows were held out, and at a share of frauds of "
        f"{prior:.3g} there are {1 / prior:,.0f} for each fraud, so precision and alerts a day are "
        "rough estimates."
    )


def precision_at(evaluation: Evaluation, share: float) -> float:
    """Return the precision at another share of frauds, 0 where nothing is flagged.

    Recall and the share of legitimate transactions that are flagged do not depend on that share.

    Args:
        evaluation: with frauds and legitimate transactions.
        share: of frauds, 0 to 1.
    """
    legitimate = evaluation.false_positives + evaluation.true_negatives
    caught = share * evaluation.recall
    alarms = (1 - share) * evaluation.false_positives / legitimate if legitimate else 0.0
    return caught / (caught + alarms) if caught + alarms else 0.0
