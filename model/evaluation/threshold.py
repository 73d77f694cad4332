"""Choose the threshold at which transactions are flagged, by a policy."""

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.errors import PolicyError
from model.evaluation.curve import OperatingCurve

# With some 50 frauds held out, catching one more or fewer changes F1 by 0.01.
TOLERANCE = 0.02

WITHOUT_FRAUDS = 0.5
"""The threshold where no held-out row is a fraud."""

NUMBER = "number"
"""The policy of a threshold that was given as a number."""

EXAMPLES = ("f1", "cost:10", "precision:0.9", "recall:0.8", "alerts-per-day:100")
"""A policy of each kind; "f1" takes no number."""


@dataclass(frozen=True, slots=True)
class Policy:
    """A rule for choosing a threshold.

    Attributes:
        name: "f1", "cost", "precision", "recall", "alerts-per-day", or "number".
        parameter: for "cost", the cost of reviewing one alert, in the data set's currency; for
            "precision" and "recall", the least share; for "alerts-per-day", the maximum; for
            "number", the threshold itself; None for "f1".
    """

    name: str = "f1"
    parameter: float | None = None

    @classmethod
    def parse(cls, text: str) -> "Policy":
        """Parse "f1", a name and its parameter, for example "cost:10", or a threshold: "0.5".

        Raises:
            PolicyError: the name is unknown, or the parameter is missing or out of range.
        """
        if _is_number(text):
            return cls(NUMBER, _checked_threshold(float(text)))
        name, colon, number = text.partition(":")
        if name == "f1" and not colon:
            return cls()
        if name not in _RANGES:
            raise PolicyError(
                f"There is no policy {name!r}; choose f1, cost:REVIEW, precision:SHARE, "
                "recall:SHARE, alerts-per-day:NUMBER, or a threshold from 0 to 1."
            )
        try:
            parameter = float(number)
        except ValueError:
            example = next(text for text in EXAMPLES if text.startswith(name))
            raise PolicyError(f"The policy {name} needs a number, for example {example}.") from None
        if not 0 < parameter <= _RANGES[name]:
            raise PolicyError(
                f"The policy {name} needs a number above 0"
                f"{' and at most 1' if _RANGES[name] == 1 else ''}, not {number}."
            )
        return cls(name, parameter)

    @property
    def sentence(self) -> str:
        """The rule in words, continuing "The threshold is"."""
        number = f"{self.parameter:g}" if self.parameter is not None else ""
        return {
            NUMBER: f"{number}, as it was set",
            "f1": "the middle of the range of thresholds whose F1 (the harmonic mean of precision "
            f"and recall) is within {TOLERANCE} of the best",
            "cost": "the one at which missed frauds, at their amounts, and reviews, at "
            f"{number} each, cost least",
            "precision": f"the lowest one at which precision is at least {number}",
            "recall": f"the highest one at which recall is at least {number}",
            "alerts-per-day": f"the lowest one with at most {number} alerts a day",
        }[self.name]

    def __str__(self) -> str:
        if self.name == NUMBER:
            return f"{self.parameter:g}"
        return self.name if self.parameter is None else f"{self.name}:{self.parameter:g}"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _checked_threshold(threshold: float) -> float:
    if not 0 <= threshold <= 1:
        raise PolicyError(f"A threshold is a number from 0 to 1, not {threshold:g}.")
    return threshold


def as_text(threshold: float) -> str:
    """Return a threshold with four decimals, or as many as distinguish it from 0 and 1."""
    distance = min(threshold, 1 - threshold)
    decimals = 4 if distance <= 0 else max(4, 1 - math.floor(math.log10(distance)))
    return f"{threshold:.{decimals}f}"


# The maximum of each parameter.
_RANGES = {
    "cost": sys.float_info.max,
    "precision": 1.0,
    "recall": 1.0,
    "alerts-per-day": sys.float_info.max,
}


def choose(curve: OperatingCurve, policy: Policy) -> float:
    """Return the threshold at and above which a score is flagged, 0 <= threshold <= 1.

    It is exact as float32, since scores are float32. Unless the policy is a number, it lies halfway
    between two scores of the curve's rows; without any fraud it is `WITHOUT_FRAUDS`. Rows of equal
    score are flagged together or not at all.

    Raises:
        PolicyError: no threshold satisfies the policy.
    """
    if policy.name == NUMBER:
        return float(np.float32(policy.parameter or 0.0))
    if not curve.frauds:
        return WITHOUT_FRAUDS
    return _CHOICES[policy.name](curve, policy.parameter or 0.0)


def _by_f1(curve: OperatingCurve, _: float) -> float:
    """Choose the middle of the thresholds whose F1 is within `TOLERANCE` of the best.

    F1 needs no price of a missed fraud or of a false alarm, which are unknown here. With few
    frauds it is nearly constant over a wide range, and the best threshold within that range is a
    matter of chance.
    """
    f1 = curve.f1
    best = int(np.argmax(f1))
    poor = np.flatnonzero(f1 < f1[best] - TOLERANCE)
    first = int(poor[poor < best].max(initial=-1)) + 1
    beyond = int(poor[poor > best].min(initial=len(f1)))
    highest = float(curve.thresholds[first])
    # Down to the first score that must not be flagged, or to 0 where all may be.
    below = float(curve.thresholds[beyond]) if beyond < len(f1) else 0.0
    middle = float(np.float32((highest + below) / 2))
    return middle if below < middle <= highest else highest


def cost(curve: OperatingCurve, review: float) -> NDArray[np.float64]:
    """Return the cost of each threshold of the curve, [k]: missed frauds and reviewed alerts.

    A missed fraud costs its amount; each alert, correct or not, costs one review.
    """
    return curve.amount - curve.amount_caught + review * curve.flagged


def _by_cost(curve: OperatingCurve, review: float) -> float:
    costs = cost(curve, review)
    best = int(np.argmin(costs))
    if costs[best] >= curve.amount:
        raise PolicyError(
            f"At {review:g} a review, flagging nothing is cheapest here; choose a lower cost of a "
            "review."
        )
    return curve.between(best)


def _by_precision(curve: OperatingCurve, least: float) -> float:
    steps = np.flatnonzero(curve.precision >= least)
    if not len(steps):
        raise PolicyError(
            f"No threshold reaches a precision of {least:g}; the best is "
            f"{curve.precision.max():.3f}."
        )
    return curve.between(int(steps[-1]))


def _by_recall(curve: OperatingCurve, least: float) -> float:
    # The last step flags everything, so there always is one; 1e-12 for sums of weights.
    return curve.between(int(np.flatnonzero(curve.recall >= least - 1e-12)[0]))


def _by_alerts(curve: OperatingCurve, most: float) -> float:
    steps = np.flatnonzero(curve.alerts_a_day <= most)
    if not len(steps):
        raise PolicyError(
            f"No threshold gives {most:g} alerts a day or fewer; the fewest are "
            f"{curve.alerts_a_day[0]:.1f}."
        )
    return curve.between(int(steps[-1]))


_CHOICES: dict[str, Callable[[OperatingCurve, float], float]] = {
    "f1": _by_f1,
    "cost": _by_cost,
    "precision": _by_precision,
    "recall": _by_recall,
    "alerts-per-day": _by_alerts,
}
