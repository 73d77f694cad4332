"""Choose the score at which a transaction is flagged, by a policy."""

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.errors import PolicyError
from model.evaluation.curve import OperatingCurve

# With some 50 frauds held out, one more or less of them caught moves F1 by 0.01.
TOLERANCE = 0.02

# Where the held-out rows have no fraud to choose by.
WITHOUT_FRAUDS = 0.5

EXAMPLES = ("f1", "cost:10", "precision:0.9", "recall:0.8", "alerts-per-day:100")
"""A policy of each kind; "f1" takes no number."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What a threshold is chosen for.

    Attributes:
        name: "f1", "cost", "precision", "recall" or "alerts-per-day".
        parameter: for "cost", what a review of one alert costs, in the data set's currency; for
            "precision" and "recall", the least share; for "alerts-per-day", how many at most; None
            for "f1".
    """

    name: str = "f1"
    parameter: float | None = None

    @classmethod
    def parse(cls, text: str) -> "Policy":
        """Read "f1", or a name and its parameter, for example "cost:10".

        Raises:
            PolicyError: it is none, or its parameter is missing or out of range.
        """
        name, colon, number = text.partition(":")
        if name == "f1" and not colon:
            return cls()
        if name not in _RANGES:
            raise PolicyError(
                f"There is no policy {name!r}; choose f1, cost:REVIEW, precision:SHARE, "
                "recall:SHARE or alerts-per-day:NUMBER."
            )
        try:
            parameter = float(number)
        except ValueError:
            example = next(it for it in EXAMPLES if it.startswith(name))
            raise PolicyError(f"The policy {name} needs a number, for example {example}.") from None
        if not 0 < parameter <= _RANGES[name]:
            raise PolicyError(
                f"The policy {name} needs a number above 0"
                f"{' and at most 1' if _RANGES[name] == 1 else ''}, not {number}."
            )
        return cls(name, parameter)

    @property
    def sentence(self) -> str:
        """What it does, after "The threshold is"."""
        number = f"{self.parameter:g}" if self.parameter is not None else ""
        return {
            "f1": "the middle of the range of thresholds whose F1 (the harmonic mean of precision "
            f"and recall) is within {TOLERANCE} of the best",
            "cost": "the one at which missed frauds, at their amounts, and reviews, at "
            f"{number} each, cost least",
            "precision": f"the lowest one at which precision is at least {number}",
            "recall": f"the highest one at which recall is at least {number}",
            "alerts-per-day": f"the lowest one with at most {number} alerts a day",
        }[self.name]

    def __str__(self) -> str:
        return self.name if self.parameter is None else f"{self.name}:{self.parameter:g}"


def as_text(threshold: float) -> str:
    """Return a threshold with four decimals, or as many as tell it from 0 and from 1."""
    distance = min(threshold, 1 - threshold)
    decimals = 4 if distance <= 0 else max(4, 1 - math.floor(math.log10(distance)))
    return f"{threshold:.{decimals}f}"


# The most that a parameter may be.
_RANGES = {
    "cost": sys.float_info.max,
    "precision": 1.0,
    "recall": 1.0,
    "alerts-per-day": sys.float_info.max,
}


def choose(curve: OperatingCurve, policy: Policy) -> float:
    """Return the threshold at and above which a score is flagged, 0 <= threshold <= 1.

    It stands in the middle between two scores of the curve's rows, and is exact as float32,
    which is what scores are. Rows of equal score are flagged together or not at all. Without any
    fraud there is nothing to choose by, and it is `WITHOUT_FRAUDS`.

    Raises:
        PolicyError: no threshold does what the policy asks for.
    """
    if not curve.frauds:
        return WITHOUT_FRAUDS
    return _CHOICES[policy.name](curve, policy.parameter or 0.0)


def _by_f1(curve: OperatingCurve, _: float) -> float:
    """F1 asks for no price of a missed fraud or of a false alarm, which nobody has told us.

    It weighs the two errors alike however rare frauds are. With few frauds it is nearly the same
    over a wide range, and where in it the best lies is chance: so the range around the best is
    taken as far as F1 stays within `TOLERANCE`, and its middle chosen.
    """
    f1 = curve.f1
    best = int(np.argmax(f1))
    poor = np.flatnonzero(f1 < f1[best] - TOLERANCE)
    first = int(poor[poor < best].max(initial=-1)) + 1
    beyond = int(poor[poor > best].min(initial=len(f1)))
    highest = float(curve.thresholds[first])
    # Down to the score that must no longer be flagged, or to 0 where all may be.
    below = float(curve.thresholds[beyond]) if beyond < len(f1) else 0.0
    middle = float(np.float32((highest + below) / 2))
    return middle if below < middle <= highest else highest


def cost(curve: OperatingCurve, review: float) -> NDArray[np.float64]:
    """Return what each threshold of the curve costs, [k]: frauds missed and alerts reviewed.

    A missed fraud costs its amount; each alert, a fraud's or not, costs one review.
    """
    return curve.amount - curve.amount_caught + review * curve.flagged


def _by_cost(curve: OperatingCurve, review: float) -> float:
    costs = cost(curve, review)
    best = int(np.argmin(costs))
    if costs[best] >= curve.amount:
        raise PolicyError(
            f"At {review:g} a review, flagging nothing is cheapest here; a lower cost of a review "
            "makes alerts worth while."
        )
    return curve.between(best)


def _by_precision(curve: OperatingCurve, least: float) -> float:
    right = np.flatnonzero(curve.precision >= least)
    if not len(right):
        raise PolicyError(
            f"No threshold reaches a precision of {least:g}; the best is "
            f"{curve.precision.max():.3f}."
        )
    return curve.between(int(right[-1]))


def _by_recall(curve: OperatingCurve, least: float) -> float:
    # The last step flags everything, so there always is one; 1e-12 for sums of weights.
    return curve.between(int(np.flatnonzero(curve.recall >= least - 1e-12)[0]))


def _by_alerts(curve: OperatingCurve, most: float) -> float:
    right = np.flatnonzero(curve.alerts_a_day <= most)
    if not len(right):
        raise PolicyError(
            f"No threshold gives {most:g} alerts a day or fewer; the fewest are "
            f"{curve.alerts_a_day[0]:.1f}."
        )
    return curve.between(int(right[-1]))


_CHOICES: dict[str, Callable[[OperatingCurve, float], float]] = {
    "f1": _by_f1,
    "cost": _by_cost,
    "precision": _by_precision,
    "recall": _by_recall,
    "alerts-per-day": _by_alerts,
}
