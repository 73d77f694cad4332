"""How far the stream has moved from what the model was trained on: the population stability index.

The window is a day by the clock, in sub-windows of an hour, because the hours of a day differ: an
hour of card payments lies far from the mean of its own day (docs/operations.md has figures), so
that a shorter window, or one of so many rows, would tell the time of day. Only counts are kept,
[hours, columns, bins], so memory does not grow with the stream.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from model.drift_baseline import Distribution, DriftBaseline

HOUR = 3600.0  # seconds
HOURS = 24

# Counting a row into 31 times 10 bins takes 0.25 us, a 24th of all that the loop does for it; of
# every seventh it is 0.04 us (python -m benchmarks.operations.drift). A prime, so as not to keep
# step with what repeats in a stream.
EVERY = 7

# A second's samples are counted together: a count takes 40 us, however few rows it is of.
COUNT_SECONDS = 1.0

# Without any drift the index of n rows against m of training is (k - 1) (1/n + 1/m) in the mean,
# with k bins: 9 / 1,000 = 0.009 here, a tenth of what counts as small (0.1), and above 0.1 in one
# of 10^17 windows (n times the index is chi-squared with 9 degrees of freedom). Below 1,000 rows
# nothing is told.
ROWS_NEEDED = 1000

# Half a row is added to each bin, so that an empty one does not make the index infinite (Jeffreys'
# prior for a share). On both sides alike, as if the reference too were n rows: equal shares stay
# equal, and a bin that is empty on both sides adds nothing.
ADDED = 0.5

NameAndHelp = tuple[str, str]


def stability_index(
    shares: NDArray[np.float64], counts: NDArray[np.int64] | NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the population stability index of each distribution, float64 [...].

    The sum over the bins of (a - e) ln(a / e), a being the share of the window's rows in a bin and
    e that of the reference: N. Siddiqi, *Credit Risk Scorecards* (Wiley, 2006). How it is
    distributed without drift: B. Yurdakul and J. Naranjo, *Statistical properties of the population
    stability index*, Journal of Risk Model Validation 14 (2020).

    Args:
        shares: of the reference, [..., k], each between 0 and 1.
        counts: rows of the window, [..., k].
    """
    rows = counts.sum(axis=-1, keepdims=True)
    total = rows + ADDED * counts.shape[-1]
    actual = (counts + ADDED) / total
    expected = (rows * shares + ADDED) / total
    index: NDArray[np.float64] = ((actual - expected) * np.log(actual / expected)).sum(axis=-1)
    return index


@dataclass(frozen=True, slots=True, eq=False)
class Bins:
    """The reference of each column, the scores' last, as arrays.

    Attributes:
        names: of the features.
        lows: the lower edge of each bin, itself not in it, float32 [columns, k]; where there are
            fewer bins than k, the others begin at infinity.
        shares: float64 [columns, k].
    """

    names: Sequence[str]
    lows: NDArray[np.float32]
    shares: NDArray[np.float64]

    @classmethod
    def of(cls, reference: DriftBaseline, names: Sequence[str]) -> "Bins":
        """Return the bins of a reference whose features have these names."""
        columns: list[Distribution] = [*reference.features, reference.scores]
        shape = (len(columns), max(len(column.shares) for column in columns))
        lows, shares = np.full(shape, np.inf, np.float32), np.zeros(shape)
        for row, column in enumerate(columns):
            lows[row, : len(column.shares)] = [-np.inf, *column.edges]
            shares[row, : len(column.shares)] = column.shares
        return cls(names, lows, shares)

    def count(self, rows: NDArray[np.float32]) -> NDArray[np.int64]:
        """Return how many of the rows, [n, columns], are in each bin, int64 [columns, k]."""
        values = np.ascontiguousarray(rows.T)
        above = np.count_nonzero(values[:, None, :] > self.lows[:, :, None], axis=2)
        return np.asarray(above - np.pad(above[:, 1:], ((0, 0), (0, 1))), np.int64)


class Drift(Collector):
    """Counts a sample of what was scored, and tells Prometheus how far it lies from training.

    Nothing is told without a reference to compare with, nor before there are enough rows.

    Args:
        registry: where it is told.
        features: name and help of the gauge of each feature, labelled `feature`.
        scores: of that of the scores.
        rows: of that of the rows that are counted.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        features: NameAndHelp,
        scores: NameAndHelp,
        rows: NameAndHelp,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._features, self._scores, self._rows = features, scores, rows
        self._clock = clock
        self._bins: Bins | None = None
        self._counts: dict[int, NDArray[np.int64]] = {}
        self._next = 0
        self._waiting: list[NDArray[np.float32]] = []
        self._counted_at = -np.inf
        registry.register(self)

    def compare_with(self, reference: DriftBaseline | None, names: Sequence[str]) -> None:
        """Set what the stream is compared with, before any of it is sampled; None for nothing.

        Args:
            reference: of the model's training.
            names: of its features.
        """
        self._bins = None if reference is None else Bins.of(reference, names)

    def sample(
        self, features: NDArray[np.float32], scores: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Return every seventh row, with its score, over all batches.

        Args:
            features: of a batch, [n, 30].
            scores: of those, [n].

        Returns:
            A new array, float32 [m, 31], that does not refer to the batch; m is 0 if none is due.
        """
        first, number = self._next, len(scores)
        if first >= number or self._bins is None:
            self._next = max(first - number, 0)
            return np.empty((0, features.shape[1] + 1), np.float32)
        self._next = (first - number) % EVERY
        rows = np.empty((len(range(first, number, EVERY)), features.shape[1] + 1), np.float32)
        rows[:, :-1] = features[first::EVERY]
        rows[:, -1] = scores[first::EVERY]
        return rows

    def add(self, samples: Sequence[NDArray[np.float32]]) -> None:
        """Count samples, each [m, 31], whose work is committed; at most once a second."""
        self._waiting += [rows for rows in samples if len(rows)]
        now = self._clock()
        if not self._waiting or self._bins is None or now < self._counted_at + COUNT_SECONDS:
            return
        hour = int(now // HOUR)
        counted = self._bins.count(np.concatenate(self._waiting))
        self._waiting, self._counted_at = [], now
        if hour in self._counts:
            # A new array in one assignment: a scrape in another thread sees either all or nothing.
            self._counts[hour] = self._counts[hour] + counted
        else:
            self._counts = {**self._recent(hour), hour: counted}

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the gauges as Prometheus wants them."""
        features = GaugeMetricFamily(*self._features, labels=["feature"])
        scores, rows = GaugeMetricFamily(*self._scores), GaugeMetricFamily(*self._rows)
        if self._bins is not None:
            recent = self._recent(int(self._clock() // HOUR))
            counts = sum(recent.values(), np.zeros(self._bins.shares.shape, np.int64))
            number = int(counts[-1].sum())
            rows.add_metric([], number)
            if number >= ROWS_NEEDED:
                *moved, moved_scores = stability_index(self._bins.shares, counts).tolist()
                scores.add_metric([], moved_scores)
                for name, index in zip(self._bins.names, moved, strict=True):
                    features.add_metric([name], index)
        yield from (features, scores, rows)

    def _recent(self, hour: int) -> dict[int, NDArray[np.int64]]:
        """Return the counts that are in the window at an hour."""
        return {at: counts for at, counts in self._counts.items() if at > hour - HOURS}
