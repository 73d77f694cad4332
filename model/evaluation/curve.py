"""The operating curve: what would be flagged, and caught, at each threshold."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

SECONDS_A_DAY = 86_400


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """Rows with a known label and a score.

    Attributes:
        fraud: whether each is a fraud, bool [n].
        scores: [n]; higher is more suspicious.
        amounts: money behind each, in the data set's currency, [n].
        weights: how many transactions each stands for, [n].
        days: the time from the first row to the last, at least one second.
    """

    fraud: NDArray[np.bool_]
    scores: NDArray[np.float64]
    amounts: NDArray[np.float64]
    weights: NDArray[np.float64]
    days: float

    @classmethod
    def of(
        cls,
        frame: "pd.DataFrame",
        scores: NDArray[np.floating[Any]],
        weights: NDArray[np.floating[Any]] | None = None,
    ) -> "Scored":
        """Return the rows of a frame as `dataset.reader.read` gives them, with their scores.

        Args:
            frame: n rows, n >= 1.
            scores: [n].
            weights: [n]; None for one each.
        """
        times = frame["Time"].to_numpy(np.float64)
        return cls(
            fraud=frame["Class"].to_numpy() == 1,
            scores=np.asarray(scores, np.float64),
            amounts=frame["Amount"].to_numpy(np.float64),
            weights=np.ones(len(frame)) if weights is None else np.asarray(weights, np.float64),
            days=max(float(times.max() - times.min()), 1.0) / SECONDS_A_DAY,
        )


@dataclass(frozen=True, slots=True, eq=False)
class OperatingCurve:
    """What is flagged at and above each distinct score, the highest first; a row's weight counts.

    Attributes:
        thresholds: the k distinct scores, falling, [k].
        flagged: transactions flagged, [k].
        caught: frauds among them, [k].
        amount_caught: money behind those, [k].
        frauds: in all.
        amount: money behind all frauds.
        days: the time that the rows span.
    """

    thresholds: NDArray[np.float64]
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
        flagged, caught, amount = (np.cumsum(it) for it in (weights, weights * fraud, money))
        return cls(
            thresholds=scores[steps],
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

    def between(self, step: int) -> float:
        """Return a threshold, exact as float32, at which just `thresholds[:step + 1]` are flagged.

        It lies in the middle to the next lower score, so that scores that another machine gives
        a little differently fall on the same side.
        """
        highest = float(self.thresholds[step])
        last = step + 1 == len(self.thresholds)
        below = 0.0 if last else float(self.thresholds[step + 1])
        middle = float(np.float32((highest + below) / 2))
        return middle if below < middle <= highest else highest


def _steps(falling: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the places where a threshold can stand: the last of each run of equal scores."""
    return np.flatnonzero(np.append(falling[1:] < falling[:-1], True))


def average_precision_interval(
    rows: Scored, *, resamples: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """Return the 95 % interval of the average precision, by resampling rows with replacement.

    Without any fraud it is 0 to 0.
    """
    if not rows.fraud.any():
        return 0.0, 0.0
    return interval(resampled_average_precision([rows], resamples=resamples, seed=seed)[0])


def interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return what the middle 95 % of resampled values lie between."""
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)


def resampled_average_precision(
    models: Sequence[Scored], *, resamples: int = 1000, seed: int = 0
) -> NDArray[np.float64]:
    """Return the average precision of resampled rows, float64 [models, resamples].

    The percentile bootstrap (Efron, The Jackknife, the Bootstrap and Other Resampling Plans,
    1982): rows are drawn, frauds and legitimate ones alike, as often as there are rows, so the
    number of frauds varies as well. Resamples without any fraud, for one of the models, are drawn
    again.

    Args:
        models: the same rows as each model scores them, with a fraud among them; a resample is the
            same for all, so that models can be compared in pairs. A row that is not to judge a
            model has the weight 0 there.
        resamples: how many.
        seed: the same rows and seed are resampled alike.
    """
    random = np.random.default_rng(seed)
    fraud, ranked = models[0].fraud, [_Ranked.of(rows) for rows in models]
    frauds = np.array([rows.weights[fraud] for rows in models])
    found = np.empty((len(models), resamples))
    for column in range(resamples):
        drawn = np.zeros_like(fraud, int)
        while not (frauds @ drawn[fraud]).all():
            places = random.integers(0, len(fraud), len(fraud))
            drawn = np.bincount(places, minlength=len(fraud))
        found[:, column] = [rows.average_precision(drawn) for rows in ranked]
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Ranked:
    """Rows in the order of their falling scores, as `order` gives them, [n]; k distinct scores."""

    order: NDArray[np.intp]
    weights: NDArray[np.float64]
    fraud: NDArray[np.bool_]
    steps: NDArray[np.intp]

    @classmethod
    def of(cls, rows: Scored) -> "_Ranked":
        order = np.argsort(-rows.scores, kind="stable")
        return cls(order, rows.weights[order], rows.fraud[order], _steps(rows.scores[order]))

    def average_precision(self, drawn: NDArray[np.intp]) -> float:
        """Return it where each row, in the order before ranking, is there so many times."""
        weights = self.weights * drawn[self.order]
        flagged = np.cumsum(weights)[self.steps]
        caught = np.cumsum(weights * self.fraud)[self.steps]
        precision = np.divide(caught, flagged, out=np.zeros_like(caught), where=flagged > 0)
        return float(np.sum(np.diff(caught, prepend=0.0) * precision) / caught[-1])
