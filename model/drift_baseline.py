"""What features and scores looked like in training, for whoever watches them drift."""

from itertools import pairwise
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

# Of ten bins each holds a tenth of the training rows, where their values allow it.
DECILES = np.arange(1, 10) / 10

Share = Annotated[float, Meta(ge=0, le=1)]


class Distribution(msgspec.Struct, frozen=True, kw_only=True):
    """How the values of one column lie: bins, and which share of the training rows is in each.

    Attributes:
        edges: between the bins, ascending; a value on an edge belongs to the bin below it. Nine,
            or fewer where a value is so frequent that it is several deciles at once.
        shares: of the training rows in each bin, one more than there are edges.
    """

    edges: list[float]
    shares: list[Share]

    def __post_init__(self) -> None:
        """Refuse what is no distribution, as msgspec asks for it: with a ValueError."""
        ascending = all(low < high for low, high in pairwise(self.edges))
        if not ascending or len(self.shares) != len(self.edges) + 1:
            raise ValueError("its edges have to ascend, with one share more than there are edges")

    @classmethod
    def of(cls, values: NDArray[np.float32], weights: NDArray[np.float64]) -> "Distribution":
        """Return the distribution of values, [n], that stand for so many transactions each, [n]."""
        # Values that occur, and not means between two of them: so ties stay in one bin.
        deciles = np.quantile(values, DECILES, weights=weights, method="inverted_cdf")
        edges = np.unique(deciles)
        held = np.bincount(np.searchsorted(edges, values), weights, minlength=len(edges) + 1)
        return cls(edges=edges.tolist(), shares=(held / held.sum()).tolist())


class DriftBaseline(msgspec.Struct, frozen=True, kw_only=True):
    """The training rows, as far as drift is told by them.

    Attributes:
        rows: how many there were.
        features: of each, in the order of `Metadata.feature_names`.
        scores: that the network gives these rows.
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
        """Return the reference of n training rows.

        Args:
            features: raw, [n, 30]; float32 as the service has them, or a value that many rows
                share would lie on the other side of its own edge.
            scores: of those, [n].
            weights: how many transactions each stands for, [n].
        """
        return cls(
            rows=len(features),
            features=[Distribution.of(column, weights) for column in features.T],
            scores=Distribution.of(scores, weights),
        )
