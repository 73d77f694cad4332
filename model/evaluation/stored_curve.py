"""An operating curve as it is stored with a model, so that its threshold can be chosen again."""

import msgspec
import numpy as np

from model.evaluation.curve import OperatingCurve

STEPS = 400
"""Points kept: 25 kB. Of 57,000 held-out rows, the 45 highest scores are all kept, and beyond them
the number of flagged transactions rises by 2 % from one point to the next."""


class StoredCurve(msgspec.Struct, frozen=True, kw_only=True):
    """Points of an `OperatingCurve`, with the same attributes as lists of k numbers."""

    thresholds: list[float]
    below: list[float]
    flagged: list[float]
    caught: list[float]
    amount_caught: list[float]
    frauds: float
    amount: float
    days: float

    @classmethod
    def of(cls, curve: OperatingCurve, steps: int = STEPS) -> "StoredCurve":
        """Return the first and the last point of a curve, and those between at rising distances."""
        kept = np.unique(np.geomspace(1, len(curve.thresholds), steps).round().astype(int)) - 1
        return cls(
            thresholds=curve.thresholds[kept].tolist(),
            below=curve.below[kept].tolist(),
            flagged=curve.flagged[kept].tolist(),
            caught=curve.caught[kept].tolist(),
            amount_caught=curve.amount_caught[kept].tolist(),
            frauds=curve.frauds,
            amount=curve.amount,
            days=curve.days,
        )

    def restored(self) -> OperatingCurve:
        """Return the curve of these points."""
        return OperatingCurve(
            thresholds=np.array(self.thresholds),
            below=np.array(self.below),
            flagged=np.array(self.flagged),
            caught=np.array(self.caught),
            amount_caught=np.array(self.amount_caught),
            frauds=self.frauds,
            amount=self.amount,
            days=self.days,
        )
