"""Labelled and scored rows, their operating curve, and intervals by resampling."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from model.labelled import Labelled

SECONDS_A_DAY = 86_400


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """Rows with a known label and a score.

    Attributes:
        fraud: whether each is a fraud, bool [n].
        scores: [n]; higher is more suspicious.
        amounts: in the data set's currency, [n].
        weights: how many transactions each row stands for, [n].
        days: from the first row to the last, at least one second.
    """

    fraud: NDArray[np.bool_]
    scores: NDArray[np.float64]
    amounts: NDArray[np.float64]
    weights: NDArray[np.float64]
    days: float

    @classmethod
    def of(cls, rows: "Labelled", scores: NDArray[np.floating[Any]]) -> "Scored":
        """Return at least one row with its score.

        Args:
            rows: n rows.
            scores: [n].
        """
        times = rows.column("Time")
        return cls(
            fraud=rows.fraud,
            scores=np.asarray(scores, np.float64),
            amounts=rows.column("Amount"),
            weights=rows.weights,
            days=max(float(times.max() - times.min()), 1.0) / SECONDS_A_DAY,
        )


@dataclass(frozen=True, slots=True, eq=False)
class OperatingCurve:
    """Transactions flagged and frauds caught at each distinct score as the threshold.

    A row counts as often as its weight says.

    Attributes:
        thresholds: the k distinct scores, descending, [k].
        below: the next lower score of the rows, [k]; 0 after the last one.
        flagged: transactions that score at least as much, [k].
        caught: frauds among them, [k].
        amount_caught: sum of the amounts of those, [k].
        frauds: in total.
        amount: sum of the amounts of all frauds.
        days: spanned by the rows.
    """

    thresholds: NDArray[np.float64]
    below: NDArray[np.float64]
    flagged: NDArray[np.float64]
    caught: NDArray[np.float64]
    amount_caught: NDArray[np.float64]
    frauds: float
    amount: float
    days: float

    @classmethod
    def of(cls, rows: Scored) -> "OperatingCurve":
        """Return the curve of at least one row."""
        order = np.argsort(-rows.scores, kind="stable")
        scores, weights, fraud = rows.scores[order], rows.weights[order], rows.fraud[order]
        money = weights * fraud * rows.amounts[order]
        steps = _steps(scores)
        flagged, caught, amount = (
            np.cumsum(values) for values in (weights, weights * fraud, money)
        )
        return cls(
            thresholds=scores[steps],
            below=np.append(scores[steps][1:], 0.0),
            flagged=flagged[steps],
            caught=caught[steps],
            amount_caught=amount[steps],
            frauds=float(caught[-1]),
            amount=float(amount[-1]),
            days=rows.days,
        )

    @property
    def precision(self) -> NDArray[np.float64]:
        """Share of frauds among the flagged, [k]."""
        return self.caught / self.flagged

    @property
    def recall(self) -> NDArray[np.float64]:
        """Share of the frauds that are flagged, [k]; 0 where there is none."""
        return self.caught / self.frauds if self.frauds else np.zeros_like(self.caught)

    @property
    def f1(self) -> NDArray[np.float64]:
        """Harmonic mean of precision and recall, [k]."""
        return 2 * self.caught / (self.flagged + self.frauds)

    @property
    def alerts_a_day(self) -> NDArray[np.float64]:
        """Transactions flagged a day, [k]."""
        return self.flagged / self.days

    @property
    def average_precision(self) -> float:
        """Area under precision over recall, as a step function (no interpolation)."""
        return float(np.sum(np.diff(self.recall, prepend=0.0) * self.precision))

    def steps_at(self, threshold: float) -> int:
        """Return how many of the thresholds are at or above a threshold, 0 to k."""
        return int(np.count_nonzero(self.thresholds >= threshold))

    def between(self, step: int) -> float:
        """Return a threshold, exact as float32, that flags exactly `thresholds[:step + 1]`.

        It is halfway to the next lower score, so that scores that differ slightly on another
        machine stay on the same side.
        """
        highest = float(self.thresholds[step])
        below = float(self.below[step])
        middle = float(np.float32((highest + below) / 2))
        return middle if below < middle <= highest else highest


def _steps(descending: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the index of the last of each run of equal scores: a threshold can follow it."""
    return np.flatnonzero(np.append(descending[1:] < descending[:-1], True))


def average_precision_interval(
    rows: Scored, *, resamples: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """Return the 95 % interval of the average precision, by resampling rows with replacement.

    It is (0, 0) without any fraud.
    """
    if not rows.fraud.any():
        return 0.0, 0.0
    return interval(resampled_average_precision([rows], resamples=resamples, seed=seed)[0])


def interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return the bounds of the middle 95 % of resampled values."""
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)


def resampled_average_precision(
    models: Sequence[Scored], *, resamples: int = 1000, seed: int = 0
) -> NDArray[np.float64]:
    """Return the average precision of resampled rows, float64 [models, resamples].

    This is the percentile bootstrap (Efron, The Jackknife, the Bootstrap and Other Resampling
    Plans, 1982): as many rows are drawn as there are, regardless of their class, so the number of
    frauds varies as well. A resample without any fraud, for one of the models, is drawn again.

    Args:
        models: the same rows, at least one of them a fraud, with the scores of each model.
            Resamples are the same for all models, so that models can be compared in pairs. A row
            that a model is not evaluated on has weight 0 there.
        resamples: how many.
        seed: of the drawing.
    """
    random = np.random.default_rng(seed)
    fraud, ranked = models[0].fraud, [_Ranked.of(rows) for rows in models]
    frauds = np.array([rows.weights[fraud] for rows in models])
    results = np.empty((len(models), resamples))
    for column in range(resamples):
        drawn = np.zeros_like(fraud, int)
        while not (frauds @ drawn[fraud]).all():
            numbers = random.integers(0, len(fraud), len(fraud))
            drawn = np.bincount(numbers, minlength=len(fraud))
        results[:, column] = [rows.average_precision(drawn) for rows in ranked]
    return results


@dataclass(frozen=True, slots=True, eq=False)
class _Ranked:
    """Rows by descending score: `order` [n] sorts them, `steps` [k] are the distinct scores."""

    order: NDArray[np.intp]
    weights: NDArray[np.float64]
    fraud: NDArray[np.bool_]
    steps: NDArray[np.intp]

    @classmethod
    def of(cls, rows: Scored) -> "_Ranked":
        order = np.argsort(-rows.scores, kind="stable")
        return cls(order, rows.weights[order], rows.fraud[order], _steps(rows.scores[order]))

    def average_precision(self, drawn: NDArray[np.intp]) -> float:
        """Return the average precision if the rows, unsorted, occur `drawn` times."""
        weights = self.weights * drawn[self.order]
        flagged = np.cumsum(weights)[self.steps]
        caught = np.cumsum(weights * self.fraud)[self.steps]
        precision = np.divide(caught, flagged, out=np.zeros_like(caught), where=flagged > 0)
        return float(np.sum(np.diff(caught, prepend=0.0) * precision) / caught[-1])
