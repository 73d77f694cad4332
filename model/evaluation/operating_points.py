"""The points of an operating curve that policies choose: one's own, and what others would."""

import msgspec
import numpy as np

from model.errors import PolicyError
from model.evaluation.curve import OperatingCurve
from model.evaluation.threshold import EXAMPLES, Policy, choose


class OperatingPoint(msgspec.Struct, frozen=True, kw_only=True):
    """What a policy chooses, and what comes of it.

    Attributes:
        policy: as typed, for example "cost:10".
        threshold: its choice; None where no threshold does what it asks for.
        precision: share of frauds among the flagged; 0 where none is flagged.
        recall: share of the frauds that are flagged.
        alerts_a_day: transactions flagged a day.
        reason: why there is no threshold; "" where there is one.
    """

    policy: str
    threshold: float | None = None
    precision: float = 0.0
    recall: float = 0.0
    alerts_a_day: float = 0.0
    reason: str = ""


def operating_points(
    curve: OperatingCurve, policy: Policy, threshold: float
) -> list[OperatingPoint]:
    """Return the point of the policy that was followed, then those of the other `EXAMPLES`.

    Args:
        curve: of the rows that judge.
        policy: that was followed.
        threshold: that it chose.
    """
    others = (Policy.parse(it) for it in EXAMPLES if it != str(policy))
    return [_point(curve, policy, threshold), *(_alternative(curve, other) for other in others)]


def _alternative(curve: OperatingCurve, policy: Policy) -> OperatingPoint:
    try:
        return _point(curve, policy, choose(curve, policy))
    except PolicyError as error:
        return OperatingPoint(policy=str(policy), reason=str(error))


def _point(curve: OperatingCurve, policy: Policy, threshold: float) -> OperatingPoint:
    steps = int(np.count_nonzero(curve.thresholds >= threshold))
    if not steps:
        return OperatingPoint(policy=str(policy), threshold=threshold)
    last = steps - 1
    return OperatingPoint(
        policy=str(policy),
        threshold=threshold,
        precision=float(curve.precision[last]),
        recall=float(curve.recall[last]),
        alerts_a_day=float(curve.alerts_a_day[last]),
    )
