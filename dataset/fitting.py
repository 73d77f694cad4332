"""Fit the twin to genuine rows.

Only the rows before `FITTED_BEFORE` are looked at, so that the rows after them can judge what the
twin is worth (`dataset.fidelity`). Of the later rows nothing is used but how many transactions and
frauds came at which time, and that only when a clock is given.

What is kept is too coarse to hold anyone's transaction: quantiles of single columns on a grid, and
means and covariances of groups of rows, none of a group smaller than some dozens. Frauds are few
(347 before row 182,277), so their grid is coarser and their covariances are shrunk further.
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
"""Row of the original from which on nothing is fitted: 0.64 of the file, 0.8 of its first 0.8."""

SEED = 7
"""For what is random in fitting; any seed does, a fixed one gives the same file again."""

BALANCED = 6
"""Parts of the day between which fitting balances the rows; 4 hours hold dozens of frauds."""


@dataclass(frozen=True)
class Grain:
    """How closely one class is described.

    Attributes:
        components: Gaussians in the mixture.
        shrinkage: added to the diagonal of each covariance, in squared normal scores.
        points: points of a V column's table, equally spaced in normal scores.
        reach: the table's last score; 4.1 stands for the 49,000th part of the rows.
        finer: further points of a column's table, equally spaced in rank. A point mass, such as
            an Amount of 99.99, is kept when it is larger than two gaps.
        parts: parts of the day for which the two days are told apart.
        drawn: rows the mixture is fitted to, drawn by their weights.
    """

    components: int
    shrinkage: float
    points: int
    reach: float
    finer: Mapping[str, int]
    parts: int
    drawn: int


LEGITIMATE = Grain(
    components=16,
    shrinkage=1e-3,
    points=201,
    reach=4.1,
    finer={"Amount": 2_001, "moment": 1_440},  # a point a minute, were all minutes equally busy
    parts=144,
    drawn=100_000,
)
FRAUD = Grain(
    components=6,
    shrinkage=0.05,
    points=41,
    reach=2.6,  # the 215th part, so that neither end of a table is one person's value
    finer={"Amount": 101, "moment": 48},
    parts=12,
    drawn=4_000,
)


def numbered(frame: "pd.DataFrame", numbers: Path | None) -> "pd.DataFrame":
    """Return the rows with two more columns: `row` in the original, and `weight`.

    Args:
        frame: rows as `dataset.reader.read` gives them.
        numbers: CSV with the columns `row` (0-based, in the original) and `weight` (how many rows
            of the original this one stands for), a line for each row of the frame; None when the
            frame is the original itself or its beginning: rows count from 0 and weigh 1.

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
            f"{numbers} has {len(about)} lines for {len(frame)} rows; give the file that belongs "
            "to the rows."
        )
    return frame.assign(row=about["row"].to_numpy(), weight=about["weight"].to_numpy())


def clock(path: Path) -> "pd.DataFrame":
    """Return Time and Class of every row of the original, from a CSV that has these columns.

    Raises:
        ReadError: the file cannot be read or lacks one of them.
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
    """Return the twin of genuine rows.

    Args:
        rows: genuine rows with `row` and `weight`, as `numbered` gives them.
        times: Time and Class of the whole stream, as `clock` gives them; the rows' own when None.
        before: rows of the original from this one on are left out.
        advance: called after each of the two classes.

    Raises:
        TwinError: too few rows of a class before that row.
    """
    earlier = rows[rows["row"] < before]
    heard = earlier if times is None else times.assign(weight=1.0)
    classes = []
    for label, grain in enumerate((LEGITIMATE, FRAUD)):
        mine = earlier[earlier["Class"] == label]
        if len(mine) < 20 * grain.components:
            raise TwinError(
                f"Fitting needs at least {20 * grain.components} rows of Class {label} before row "
                f"{before} of the original; there are {len(mine)}."
            )
        classes.append((mine, heard[heard["Class"] == label], grain))
    mixtures = []
    for mine, its_times, grain in classes:
        mixtures.append(_mixture(mine, its_times, grain))
        advance(1)
    return Twin(*mixtures)


def _mixture(rows: "pd.DataFrame", times: "pd.DataFrame", grain: Grain) -> Mixture:
    """Return the mixture of one class's rows, and of the times of its whole stream."""
    import numpy as np
    from scipy.special import ndtr, ndtri
    from sklearn.mixture import GaussianMixture

    random = np.random.default_rng(SEED)
    weights = rows["weight"].to_numpy() * _balance(rows, times)
    columns = {name: rows[name].to_numpy() for name in FEATURES[1:]}
    columns["moment"] = rows["Time"].to_numpy() % DAY
    ranks = [_ranks(columns[name], weights, random) for name in MIXED]
    scores = ndtri(np.column_stack(ranks))
    # scikit-learn's mixture takes no weights, so heavier rows are drawn more often.
    drawn = random.choice(len(rows), size=grain.drawn, p=weights / weights.sum())
    gaussians = GaussianMixture(
        grain.components, reg_covar=grain.shrinkage, max_iter=200, random_state=SEED
    ).fit(scores[drawn])

    deviations = np.sqrt(np.diagonal(gaussians.covariances_, axis1=1, axis2=2))
    normal = ndtr(np.linspace(-grain.reach, grain.reach, grain.points))
    tables = {}
    for place, name in enumerate(MIXED):
        values, heavy, levels = columns[name], weights, normal
        if name in grain.finer:
            steps = grain.finer[name]
            levels = np.union1d(normal, (np.arange(steps) + 0.5) / steps)
        if name == "moment":
            values, heavy = times["Time"].to_numpy() % DAY, times["weight"].to_numpy()
        own = _quantiles(
            levels, gaussians.weights_, gaussians.means_[:, place], deviations[:, place]
        )
        tables[name] = np.stack([own, _weighted_quantiles(values, heavy, levels)])
    return Mixture(
        shares=gaussians.weights_,
        means=gaussians.means_,
        factors=np.linalg.cholesky(gaussians.covariances_),
        tables=tables,
        second_day=_second_day(times, grain.parts),
    )


def _balance(rows: "pd.DataFrame", times: "pd.DataFrame") -> "Floats":
    """Return the factor for each row that gives the parts of the day their part of the stream.

    The earlier rows hold one whole day and the second day's beginning, so that night and morning
    are there twice.
    """
    import numpy as np

    def shares(frame: "pd.DataFrame") -> "tuple[npt.NDArray[np.intp], Floats]":
        part = (frame["Time"].to_numpy() % DAY * BALANCED / DAY).astype(int)
        total = np.bincount(part, frame["weight"].to_numpy(), minlength=BALANCED)
        return part, total / total.sum()

    part, here = shares(rows)
    _, there = shares(times)
    factor: Floats = (there / np.maximum(here, 1e-12))[part]
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
    """Return the values at those ranks; a point mass fills all levels that it covers."""
    import numpy as np

    order = np.argsort(values, kind="stable")
    total = np.cumsum(weights[order])
    return np.interp(levels, (total - weights[order] / 2) / total[-1], values[order])


def _quantiles(
    levels: "Floats", shares: "Floats", means: "Floats", deviations: "Floats"
) -> "Floats":
    """Return the quantiles of a mixture of Gaussians in one dimension."""
    import numpy as np
    from scipy.special import ndtr

    reach = np.linspace(-8, 8, 16_001)
    below = ndtr((reach[:, None] - means) / deviations) @ shares
    return np.interp(levels, below, reach)


def _second_day(times: "pd.DataFrame", parts: int) -> "Floats":
    """Return for each part of the day the chance that a transaction in it is of the second day."""
    import numpy as np

    time, weight = times["Time"].to_numpy(), times["weight"].to_numpy()
    part = (time % DAY * parts / DAY).astype(int)
    second = np.bincount(part, weight * (time >= DAY), minlength=parts)
    return second / np.maximum(np.bincount(part, weight, minlength=parts), 1e-12)
