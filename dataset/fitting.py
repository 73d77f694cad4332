"""Fit the twin to genuine rows.

Only rows before `FITTED_BEFORE` are used, so that later rows can test the twin
(`dataset.fidelity`). Of the later rows, only the times of transactions and frauds are used, and
only if they are passed separately.

The parameters are too coarse to reveal a transaction: quantiles of single columns on a grid, and
means and covariances of groups of at least some dozens of rows. Frauds are few (347 before row
182,277), so their grid is coarser and their covariances are shrunk further.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataset.columns import FEATURES
from dataset.errors import ReadError, TwinError
from dataset.twin import DAY, MIXED, Mixture, Twin

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    Floats = npt.NDArray[np.floating[Any]]

FITTED_BEFORE = 182_277
"""First row of the original that is not fitted: 0.64 of the file, 0.8 of its first 0.8."""

SEED = 7
"""Seed of the fitting; it is fixed so that equal rows give equal parameters."""

BALANCED_PARTS = 6
"""Parts of the day whose shares of the rows are balanced; 4 hours hold dozens of frauds."""


@dataclass(frozen=True)
class MixtureSettings:
    """The resolution of one class's mixture.

    Attributes:
        components: Gaussians in the mixture.
        shrinkage: added to the diagonal of each covariance, in squared normal scores.
        points: quantiles in a V column's table, equally spaced in normal scores.
        reach: the table's last normal score; beyond 4.1 lies one row in 49,000.
        extra_points: extra quantiles of a column, equally spaced in rank. A point mass, such as
            an Amount of 99.99, is kept if it spans more than two gaps.
        day_parts: parts of the day with a probability of the second day each.
        sample: number of rows, sampled by weight, that the mixture is fitted to.
    """

    components: int
    shrinkage: float
    points: int
    reach: float
    extra_points: Mapping[str, int]
    day_parts: int
    sample: int


LEGITIMATE = MixtureSettings(
    components=16,
    shrinkage=1e-3,
    points=201,
    reach=4.1,
    extra_points={"Amount": 2_001, "moment": 1_440},  # a minute each, at a constant rate
    day_parts=144,
    sample=100_000,
)
FRAUD = MixtureSettings(
    components=6,
    shrinkage=0.05,
    points=41,
    reach=2.6,  # one row in 215 lies beyond, so neither end of a table is one person's value
    extra_points={"Amount": 101, "moment": 48},
    day_parts=12,
    sample=4_000,
)


def add_row_and_weight(frame: "pd.DataFrame", numbers: Path | None) -> "pd.DataFrame":
    """Return the rows with two more columns: `row` (number in the original) and `weight`.

    Args:
        frame: rows as `dataset.reader.read` returns them.
        numbers: CSV with the columns `row` (0-based, in the original) and `weight` (number of
            rows of the original that this row represents), one line per row of the frame; None if
            the frame is the original or its beginning: then rows count from 0 and weigh 1.

    Raises:
        ReadError: the file cannot be read, or has other columns or another number of lines.
    """
    import pandas as pd

    if numbers is None:
        return frame.assign(row=range(len(frame)), weight=1.0)
    try:
        about = pd.read_csv(numbers, usecols=["row", "weight"])
    except OSError as error:
        raise ReadError(f"{numbers} cannot be read: {error.strerror or error}.") from None
    except ValueError as error:
        raise ReadError(f"{numbers} must be a CSV with columns row and weight: {error}.") from None
    if len(about) != len(frame):
        raise ReadError(
            f"{numbers} has {len(about)} lines for {len(frame)} rows; name the file that belongs "
            "to these rows."
        )
    return frame.assign(row=about["row"].to_numpy(), weight=about["weight"].to_numpy())


def read_clock(path: Path) -> "pd.DataFrame":
    """Read Time and Class of every row of the original from a CSV with these columns.

    Raises:
        ReadError: the file cannot be read or lacks a column.
    """
    import pandas as pd

    try:
        return pd.read_csv(path, usecols=["Time", "Class"])
    except OSError as error:
        raise ReadError(f"{path} cannot be read: {error.strerror or error}.") from None
    except ValueError as error:
        raise ReadError(f"{path} must be a CSV with Time and Class: {error}.") from None


def fit(
    rows: "pd.DataFrame",
    times: "pd.DataFrame | None" = None,
    *,
    before: int = FITTED_BEFORE,
    advance: Callable[[int], None] = lambda _classes: None,
) -> Twin:
    """Fit a twin to genuine rows.

    Args:
        rows: genuine rows with `row` and `weight`, from `add_row_and_weight`.
        times: Time and Class of the whole stream, from `read_clock`; None uses the rows' own.
        before: rows of the original from this one on are ignored.
        advance: called after each of the two classes.

    Raises:
        TwinError: too few rows of a class before that row.
    """
    earlier = rows[rows["row"] < before]
    stream = earlier if times is None else times.assign(weight=1.0)
    classes = []
    for label, settings in enumerate((LEGITIMATE, FRAUD)):
        class_rows = earlier[earlier["Class"] == label]
        if len(class_rows) < 20 * settings.components:
            raise TwinError(
                f"Fitting needs at least {20 * settings.components} rows of Class {label} before "
                f"row {before} of the original; there are {len(class_rows)}."
            )
        classes.append((class_rows, stream[stream["Class"] == label], settings))
    mixtures = []
    for class_rows, class_times, settings in classes:
        mixtures.append(_mixture(class_rows, class_times, settings))
        advance(1)
    return Twin(*mixtures)


def _mixture(rows: "pd.DataFrame", times: "pd.DataFrame", settings: MixtureSettings) -> Mixture:
    """Fit the mixture of one class to its rows and to the times of its whole stream."""
    import numpy as np
    from scipy.special import ndtr, ndtri
    from sklearn.mixture import GaussianMixture

    random = np.random.default_rng(SEED)
    weights = rows["weight"].to_numpy() * _balance(rows, times)
    columns = {name: rows[name].to_numpy() for name in FEATURES[1:]}
    columns["moment"] = rows["Time"].to_numpy() % DAY
    ranks = [_ranks(columns[name], weights, random) for name in MIXED]
    scores = ndtri(np.column_stack(ranks))
    # scikit-learn's mixture takes no weights, so heavier rows are sampled more often.
    sample = random.choice(len(rows), size=settings.sample, p=weights / weights.sum())
    gaussians = GaussianMixture(
        settings.components, reg_covar=settings.shrinkage, max_iter=200, random_state=SEED
    ).fit(scores[sample])

    deviations = np.sqrt(np.diagonal(gaussians.covariances_, axis1=1, axis2=2))
    normal = ndtr(np.linspace(-settings.reach, settings.reach, settings.points))
    tables = {}
    for column, name in enumerate(MIXED):
        values, value_weights, levels = columns[name], weights, normal
        if name in settings.extra_points:
            steps = settings.extra_points[name]
            levels = np.union1d(normal, (np.arange(steps) + 0.5) / steps)
        if name == "moment":
            values, value_weights = times["Time"].to_numpy() % DAY, times["weight"].to_numpy()
        mixture_quantiles = _quantiles(
            levels, gaussians.weights_, gaussians.means_[:, column], deviations[:, column]
        )
        tables[name] = np.stack(
            [mixture_quantiles, _weighted_quantiles(values, value_weights, levels)]
        )
    return Mixture(
        shares=gaussians.weights_,
        means=gaussians.means_,
        factors=np.linalg.cholesky(gaussians.covariances_),
        tables=tables,
        second_day=_second_day(times, settings.day_parts),
    )


def _balance(rows: "pd.DataFrame", times: "pd.DataFrame") -> "Floats":
    """Return a factor for each row that gives every part of the day its share of the stream.

    The fitted rows are the first day and the beginning of the second, so without the factors night
    and morning would count twice.
    """
    import numpy as np

    def shares(frame: "pd.DataFrame") -> "tuple[npt.NDArray[np.intp], Floats]":
        part = (frame["Time"].to_numpy() % DAY * BALANCED_PARTS / DAY).astype(int)
        total = np.bincount(part, frame["weight"].to_numpy(), minlength=BALANCED_PARTS)
        return part, total / total.sum()

    part, in_rows = shares(rows)
    _, in_stream = shares(times)
    factor: Floats = (in_stream / np.maximum(in_rows, 1e-12))[part]
    return factor


def _ranks(values: "Floats", weights: "Floats", random: "np.random.Generator") -> "Floats":
    """Return each row's weighted rank, strictly between 0 and 1; equal values in random order."""
    import numpy as np

    order = np.lexsort((random.random(len(values)), values))
    total = np.cumsum(weights[order])
    ranks = np.empty(len(values))
    ranks[order] = (total - weights[order] / 2) / total[-1]
    return ranks


def _weighted_quantiles(values: "Floats", weights: "Floats", levels: "Floats") -> "Floats":
    """Return the weighted quantiles at these levels; a point mass fills every level it covers."""
    import numpy as np

    order = np.argsort(values, kind="stable")
    total = np.cumsum(weights[order])
    return np.interp(levels, (total - weights[order] / 2) / total[-1], values[order])


def _quantiles(
    levels: "Floats", shares: "Floats", means: "Floats", deviations: "Floats"
) -> "Floats":
    """Return the quantiles of a one-dimensional mixture of Gaussians."""
    import numpy as np
    from scipy.special import ndtr

    reach = np.linspace(-8, 8, 16_001)
    below = ndtr((reach[:, None] - means) / deviations) @ shares
    return np.interp(levels, below, reach)


def _second_day(times: "pd.DataFrame", parts: int) -> "Floats":
    """Return, for each part of the day, the share of its transactions on the second day."""
    import numpy as np

    time, weight = times["Time"].to_numpy(), times["weight"].to_numpy()
    part = (time % DAY * parts / DAY).astype(int)
    second = np.bincount(part, weight * (time >= DAY), minlength=parts)
    return second / np.maximum(np.bincount(part, weight, minlength=parts), 1e-12)
