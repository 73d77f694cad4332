"""The points of an operating curve that the chosen policy and others lead to."""

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
    return [
        operating_point(curve, str(policy), threshold),
        *(_alternative(curve, other) for other in others),
    ]


def _alternative(curve: OperatingCurve, policy: Policy) -> OperatingPoint:
    try:
        return operating_point(curve, str(policy), choose(curve, policy))
    except PolicyError as error:
        return OperatingPoint(policy=str(policy), reason=str(error))


def operating_point(curve: OperatingCurve, policy: str, threshold: float) -> OperatingPoint:
    """Return the metrics of a threshold.

    Args:
        curve: of labelled rows.
        policy: that chose the threshold.
        threshold: the choice.
    """
    last = curve.steps_at(threshold) - 1
    if last < 0:
        return OperatingPoint(policy=policy, threshold=threshold, amount_missed=curve.amount)
    return OperatingPoint(
        policy=policy,
        threshold=threshold,
        precision=float(curve.precision[last]),
        recall=float(curve.recall[last]),
        alerts_a_day=float(curve.alerts_a_day[last]),
        amount_caught=float(curve.amount_caught[last]),
        amount_missed=curve.amount - float(curve.amount_caught[last]),
    )
