"""The results of an evaluation, as they are stored: structs without any computation."""

import msgspec


class ReliabilityBin(msgspec.Struct, frozen=True, kw_only=True):
    """Transactions of similar scores.

    Attributes:
        score: their mean score.
        fraud_share: share of frauds among them; equals `score` where scores are calibrated.
        transactions: how many.
    """

    score: float
    fraud_share: float
    transactions: float


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """Metrics over labelled rows; each row counts as often as its weight says.

    Attributes:
        rows: rows evaluated.
        frauds: frauds among them.
        transactions: represented by the rows: the sum of their weights.
        days: spanned by the rows.
        average_precision: area under precision over recall, as a step function (no
            interpolation); 0 without any fraud.
        average_precision_low: lower end of its 95 % interval, by resampling the rows.
        average_precision_high: upper end.
        roc_auc: probability that a fraud scores above a legitimate transaction; 0.5 where one of
            the two classes is missing.
        recall_at_precision_80: recall at the lowest threshold at which at least 80 % of the
            flagged transactions are frauds; 0 where there is no such threshold.
        recall_at_precision_90: the same with 90 %.
        top_precision: share of frauds among the `TOP_A_DAY` highest scores a day.
        threshold: scores at or above it count as flagged.
        precision: share of frauds among the flagged; 0 where nothing is flagged.
        recall: share of the frauds that are flagged; 0 without any fraud.
        flagged: transactions flagged.
        alerts_a_day: transactions flagged per day.
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
        warning: why these metrics must not be trusted, one sentence; None where they can be.
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
    reliability: list[ReliabilityBin]
    warning: str | None = None


class OperatingPoint(msgspec.Struct, frozen=True, kw_only=True):
    """The threshold that a policy chooses, with its metrics.

    Attributes:
        policy: as typed, for example "cost:10".
        threshold: the choice; None where no threshold satisfies the policy.
        precision: share of frauds among the flagged; 0 where nothing is flagged.
        recall: share of the frauds that are flagged.
        alerts_a_day: transactions flagged per day.
        amount_caught: sum of Amount over flagged frauds, in the data set's currency.
        amount_missed: the same over frauds not flagged.
        reason: why there is no threshold; "" where there is one.
    """

    policy: str
    threshold: float | None = None
    precision: float = 0.0
    recall: float = 0.0
    alerts_a_day: float = 0.0
    amount_caught: float = 0.0
    amount_missed: float = 0.0
    reason: str = ""
