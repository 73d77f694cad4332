"""Labelled rows as arrays: what a network learns from."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dataset.columns import FEATURES

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Labelled rows as arrays.

    Attributes:
        features: raw, in the order of `dataset.columns.FEATURES`, [n, 30].
        labels: 1 for fraud and 0 for legitimate, [n].
        weights: how many transactions each stands for, [n].
    """

    features: NDArray[np.float64]
    labels: NDArray[np.float32]
    weights: NDArray[np.float64]

    @classmethod
    def of(cls, frame: "pd.DataFrame", weights: NDArray[np.float64]) -> "Rows":
        """Return the rows of a frame as `dataset.reader.read` gives them."""
        return cls(
            frame[list(FEATURES)].to_numpy(np.float64),
            frame["Class"].to_numpy(np.float32),
            weights,
        )

    @property
    def frauds(self) -> float:
        """Frauds that the rows stand for."""
        return float(self.weights[self.labels == 1].sum())

    @property
    def transactions(self) -> float:
        """All that the rows stand for."""
        return float(self.weights.sum())
