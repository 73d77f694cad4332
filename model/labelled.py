"""Labelled transactions as arrays: the one form in which training and evaluation receive them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dataset.columns import FEATURES

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """Labelled transactions, in the order of time.

    Attributes:
        features: raw, in the order of `dataset.columns.FEATURES`, [n, 30]; column-major, since
            statistics are taken over columns.
        labels: 1 for fraud and 0 for legitimate, [n].
        weights: how many transactions each row stands for, [n].
    """

    features: NDArray[np.float64]
    labels: NDArray[np.float32]
    weights: NDArray[np.float64]

    @classmethod
    def of(cls, frame: "pd.DataFrame", weights: NDArray[np.float64] | None = None) -> "Labelled":
        """Return the rows of a frame as `dataset.reader.read` returns it.

        Args:
            frame: n rows.
            weights: [n]; None for one each.
        """
        return cls(
            np.asfortranarray(frame[list(FEATURES)].to_numpy(np.float64)),
            frame["Class"].to_numpy(np.float32),
            np.ones(len(frame)) if weights is None else weights,
        )

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: NDArray[np.intp] | slice) -> "Labelled":
        """Return some of the rows."""
        features = np.asfortranarray(self.features[rows])
        return Labelled(features, self.labels[rows], self.weights[rows])

    def column(self, name: str) -> NDArray[np.float64]:
        """Return a feature, [n]."""
        return self.features[:, FEATURES.index(name)]

    def at_share(self, share: float) -> "Labelled":
        """Return the rows with weights at which frauds have this share of the transactions.

        The weights of one class are raised, since rows of it are missing: of legitimate ones where
        the share is to be lower, as in a copy of which they were left out; else of frauds.

        Args:
            share: between 0 and 1; the rows must have both classes.
        """
        legitimate = self.transactions - self.frauds
        factor = (1 - share) / share * self.frauds / legitimate
        raised = (
            np.where(self.fraud, 1.0, factor)
            if factor > 1
            else (np.where(self.fraud, 1 / factor, 1.0))
        )
        return Labelled(self.features, self.labels, self.weights * raised)

    @property
    def inputs(self) -> NDArray[np.float32]:
        """The features as a network takes them, float32 [n, 30]."""
        return self.features.astype(np.float32)

    @property
    def fraud(self) -> NDArray[np.bool_]:
        """Whether each row is a fraud, [n]."""
        return np.asarray(self.labels == 1)

    @property
    def frauds(self) -> float:
        """Frauds represented by the rows."""
        return float(self.weights[self.fraud].sum())

    @property
    def transactions(self) -> float:
        """Transactions represented by the rows."""
        return float(self.weights.sum())
