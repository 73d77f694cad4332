"""The distributions of features and scores in training, against which drift is measured."""

from itertools import pairwise
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

# Ten bins with a tenth of the training rows each, unless a value is more frequent than that.
DECILES = np.arange(1, 10) / 10

Share = Annotated[float, Meta(ge=0, le=1)]


class Distribution(msgspec.Struct, frozen=True, kw_only=True):
    """The distribution of one column: bins, with the share of the training rows in each.

    Attributes:
        edges: between the bins, ascending; a value on an edge belongs to the bin below it. Nine,
            or fewer where a value is so frequent that it is several deciles at once.
        shares: of the training rows in each bin, one more than there are edges.
    """

    edges: list[float]
    shares: list[Share]

    def __post_init__(self) -> None:
        """Raise the ValueError that msgspec reports, unless edges and shares fit together."""
        ascending = all(low < high for low, high in pairwise(self.edges))
        if not ascending or len(self.shares) != len(self.edges) + 1:
            raise ValueError("edges must ascend, with one share more than there are edges")

    @classmethod
    def of(cls, values: NDArray[np.float32], weights: NDArray[np.float64]) -> "Distribution":
        """Return the distribution of values, [n], with their weights, [n]."""
        # Edges are values that occur, not means of two of them, so ties stay in one bin.
        deciles = np.quantile(values, DECILES, weights=weights, method="inverted_cdf")
        edges = np.unique(deciles)
        counts = np.bincount(np.searchsorted(edges, values), weights, minlength=len(edges) + 1)
        return cls(edges=edges.tolist(), shares=(counts / counts.sum()).tolist())


class DriftBaseline(msgspec.Struct, frozen=True, kw_only=True):
    """The distributions of the training rows.

    Attributes:
        rows: how many.
        features: in the order of `Metadata.feature_names`.
        scores: of the same rows.
    """

    rows: int
    features: list[Distribution]
    scores: Distribution

    @classmethod
    def of(
        cls,
        features: NDArray[np.float32],
        scores: NDArray[np.float32],
        weights: NDArray[np.float64],
    ) -> "DriftBaseline":
        """Return the baseline of n training rows.

        Args:
            features: raw, [n, 30]; float32 as in the service, since a frequent value in float64
                could lie on the other side of its own edge.
            scores: of those rows, [n].
            weights: how many transactions each row stands for, [n].
        """
        return cls(
            rows=len(features),
            features=[Distribution.of(column, weights) for column in features.T],
            scores=Distribution.of(scores, weights),
        )
