"""Drift: how far the stream has moved from the training data, as population stability indices.

The window is a day of wall-clock time in sub-windows of an hour, because the hours of a day differ:
an hour of card payments is far from the mean of its own day (docs/operations.md has figures), so a
shorter window, or one of a fixed number of rows, would measure the time of day. Only counts are
kept, [hours, columns, bins], so memory does not grow with the stream.
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

# Counting a row into 31 times 10 bins takes 0.25 us, a 24th of the loop's time for it; counting
# every seventh takes 0.04 us a row (python -m benchmarks.operations.drift). A prime, so that the
# sample does not keep step with a pattern in the stream.
EVERY = 7

# The samples of a second are counted together: a count takes 40 us, however few rows it has.
COUNT_SECONDS = 1.0

# Without any drift, the mean index of n rows against m training rows is (k - 1) (1/n + 1/m) with
# k bins: 9 / 1,000 = 0.009 here, a tenth of what counts as small (0.1), and above 0.1 in one of
# 10^17 windows (n times the index is chi-squared with 9 degrees of freedom). Below 1,000 rows no
# index is exported.
ROWS_NEEDED = 1000

# Half a row is added to each bin, so that an empty one does not make the index infinite (Jeffreys'
# prior for a share). It is added to both sides, as if the baseline had n rows, too: equal shares
# stay equal, and a bin that is empty on both sides contributes nothing.
ADDED = 0.5

NameAndHelp = tuple[str, str]


def stability_index(
    shares: NDArray[np.float64], counts: NDArray[np.int64] | NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the population stability index of each distribution, float64 [...].

    The sum over the bins of (a - e) ln(a / e), where a is the share of the window's rows in a bin
    and e that of the baseline: N. Siddiqi, *Credit Risk Scorecards* (Wiley, 2006). Its distribution
    without drift: B. Yurdakul and J. Naranjo, *Statistical properties of the population stability
    index*, Journal of Risk Model Validation 14 (2020).

    Args:
        shares: of the baseline, [..., k], each between 0 and 1.
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
    """The bins of each column, the scores' last, as arrays.

    Attributes:
        names: of the features.
        lows: the exclusive lower edge of each bin, float32 [columns, k]; a column with fewer bins
            than k is filled up with bins that start at infinity.
        shares: of the baseline's rows, float64 [columns, k].
    """

    names: Sequence[str]
    lows: NDArray[np.float32]
    shares: NDArray[np.float64]

    @classmethod
    def of(cls, baseline: DriftBaseline, names: Sequence[str]) -> "Bins":
        """Return the bins of a baseline whose features have these names."""
        columns: list[Distribution] = [*baseline.features, baseline.scores]
        shape = (len(columns), max(len(column.shares) for column in columns))
        lows, shares = np.full(shape, np.inf, np.float32), np.zeros(shape)
        for row, column in enumerate(columns):
            lows[row, : len(column.shares)] = [-np.inf, *column.edges]
            shares[row, : len(column.shares)] = column.shares
        return cls(names, lows, shares)

    def count(self, rows: NDArray[np.float32]) -> NDArray[np.int64]:
        """Return the number of rows, [n, columns], in each bin, int64 [columns, k]."""
        values = np.ascontiguousarray(rows.T)
        above = np.count_nonzero(values[:, None, :] > self.lows[:, :, None], axis=2)
        return np.asarray(above - np.pad(above[:, 1:], ((0, 0), (0, 1))), np.int64)


class Drift(Collector):
    """Counts a sample of the scored rows, and exports their distance from the training data.

    No index is exported without a baseline to compare with, nor before there are enough rows.

    Args:
        registry: of the gauges.
        features: name and help of the gauge of each feature, labelled `feature`.
        scores: name and help of the gauge of the scores.
        rows: name and help of the gauge of the counted rows.
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

    def compare_with(self, baseline: DriftBaseline | None, names: Sequence[str]) -> None:
        """Set the baseline, before any row is sampled; None samples nothing.

        Args:
            baseline: of the model's training.
            names: of its features.
        """
        self._bins = None if baseline is None else Bins.of(baseline, names)

    def sample(
        self, features: NDArray[np.float32], scores: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Return every seventh row, with its score, over all batches.

        Args:
            features: of a batch, [n, 30].
            scores: of those, [n].

        Returns:
            A new array, float32 [m, 31], that does not refer to the batch; m may be 0.
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
        """Add samples, each [m, 31], whose batches are committed; count them once a second."""
        self._waiting += [rows for rows in samples if len(rows)]
        now = self._clock()
        if not self._waiting or self._bins is None or now < self._counted_at + COUNT_SECONDS:
            return
        hour = int(now // HOUR)
        counted = self._bins.count(np.concatenate(self._waiting))
        self._waiting, self._counted_at = [], now
        if hour in self._counts:
            # A new array in one assignment: a scrape in another thread sees all of it or none.
            self._counts[hour] = self._counts[hour] + counted
        else:
            self._counts = {**self._recent(hour), hour: counted}

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the gauges for a scrape."""
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
        """Return the counts of the window that ends with this hour."""
        return {at: counts for at, counts in self._counts.items() if at > hour - HOURS}
