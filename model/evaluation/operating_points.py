"""The points of an operating curve that the chosen policy and others lead to."""

import numpy as np

from model.errors import PolicyError
from model.evaluation.curve import OperatingCurve
from model.evaluation.results import OperatingPoint
from model.evaluation.threshold import EXAMPLES, Policy, choose


def operating_points(
    curve: OperatingCurve, policy: Policy, threshold: float
) -> list[OperatingPoint]:
    """Return the point of the chosen policy, then those of the other `EXAMPLES`.

    Args:
        curve: of the held-out rows.
        policy: the chosen one.
        threshold: its choice.
    """
    others = (Policy.parse(example) for example in EXAMPLES if example != str(policy))
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
