"""The twin: a synthetic creditcard.csv, sampled from a small file of parameters.

None of its rows is a real transaction; state that wherever its results are shown. For each class
the parameters model

- each column's distribution, as a table of quantiles (Amount in cents, with its point masses such
  as 1.00 and 99.99);
- the dependence between the columns, the amount and the time of day, as a mixture of Gaussians
  over normal scores (a Gaussian copula with several components);
- the rate of transactions and of frauds over the two days.

`dataset.fitting` estimates the parameters. Sampling needs only numpy: the tables map the mixture's
own scores to values, so no normal distribution function is needed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from dataset.columns import COLUMNS, FEATURES, FRAUDS, ROWS
from dataset.errors import TwinError, TwinParametersError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    Floats = npt.NDArray[np.floating[Any]]

PARAMETERS = "twin.npz"
"""The bundled parameters, next to this file."""

MIXED = (*FEATURES[1:], "moment")
"""The variables of each mixture: V1 to V28, Amount, and the second of the day."""

CLASSES = ("legitimate", "fraud")
"""The mixtures' names; the index is the value of Class."""

DAY = 86_400
"""Seconds in a day; the original's Time spans two days."""

BLOCK = 65_536
"""Rows sampled at once: 30 columns of them are 16 MB."""

DECIMALS = 14
"""Decimals of each V; the original has 15 significant digits, so messages are equally long."""


@dataclass(frozen=True)
class Mixture:
    """One class: a mixture of Gaussians over scores, and tables that map scores to values.

    Attributes:
        shares: [components], each component's weight, summing to 1.
        means: [components, 30] in the order of `MIXED`.
        factors: [components, 30, 30], lower Cholesky factors of the covariances.
        tables: for each name of `MIXED` an array [2, points]: ascending scores, and their values.
        second_day: [bins], the probability that a transaction in that part of the day is on the
            second day.
    """

    shares: "Floats"
    means: "Floats"
    factors: "Floats"
    tables: Mapping[str, "Floats"]
    second_day: "Floats"

    def sample(self, rows: int, random: "np.random.Generator") -> dict[str, "Floats"]:
        """Sample rows of this class; return the columns Time, V1 to V28 and Amount."""
        import numpy as np

        component = random.choice(len(self.shares), size=rows, p=self.shares / self.shares.sum())
        scores = random.standard_normal((rows, len(MIXED)))
        for number, (mean, factor) in enumerate(zip(self.means, self.factors, strict=True)):
            chosen = component == number
            scores[chosen] = scores[chosen] @ factor.T + mean
        columns = {
            name: np.round(np.interp(scores[:, index], *self.tables[name]), DECIMALS)
            for index, name in enumerate(MIXED)
        }
        moment = np.minimum(np.floor(columns.pop("moment")), DAY - 1)
        part = (moment * (len(self.second_day) / DAY)).astype(int)
        day = random.random(rows) < self.second_day[part]
        return columns | {"Time": moment + DAY * day, "Amount": np.round(columns["Amount"], 2)}


@dataclass(frozen=True)
class Twin:
    """The parameters of a synthetic creditcard.csv: one mixture per class."""

    legitimate: Mixture
    fraud: Mixture

    def synthesize(
        self, rows: int, seed: int, *, advance: Callable[[int], None] = lambda _rows: None
    ) -> "pd.DataFrame":
        """Sample synthetic transactions, in the form that `dataset.reader.read` returns.

        The rows always span the two days: fewer than 284,807 are a sparser stream, more a denser
        one, with the same distribution over the hours and the same share of frauds. (For the
        original's density, sample 284,807 rows and use the first of them.)

        Args:
            rows: how many, at least 2. The share of frauds is the original's, 492 in 284,807
                (0.173 %), rounded, with at least one fraud.
            seed: the same seed gives the same rows, given the same parameters, version of numpy
                and kind of processor.
            advance: called with the number of rows sampled since the last call.

        Raises:
            TwinError: fewer than two rows, or a negative seed.
        """
        import numpy as np
        import pandas as pd

        if rows < 2:  # noqa: PLR2004 - one for each class
            raise TwinError(f"A twin has at least 2 rows, one for each class, not {rows}.")
        if seed < 0:
            raise TwinError(f"A seed must be 0 or greater, not {seed}.")
        random = np.random.default_rng(seed)
        frauds = max(1, round(rows * FRAUDS / ROWS))
        parts = []
        for label, mixture in enumerate((self.legitimate, self.fraud)):
            remaining = frauds if label else rows - frauds
            while remaining:
                size = min(remaining, BLOCK)
                parts.append(pd.DataFrame(mixture.sample(size, random)).assign(Class=label))
                remaining -= size
                advance(size)
        frame = pd.concat(parts)[list(COLUMNS)]
        frame["Class"] = frame["Class"].astype("int8")
        # Shuffle, then sort stably: otherwise frauds would be the last of their second.
        shuffled = frame.iloc[random.permutation(rows)]
        return shuffled.sort_values("Time", kind="stable", ignore_index=True)


def synthesize(
    rows: int,
    seed: int,
    *,
    parameters: Path | None = None,
    advance: Callable[[int], None] = lambda _rows: None,
) -> "pd.DataFrame":
    """Sample the bundled twin, or the one in `parameters`; see `Twin.synthesize`."""
    twin = bundled() if parameters is None else load(parameters)
    return twin.synthesize(rows, seed, advance=advance)


@cache
def bundled() -> Twin:
    """Return the twin whose parameters are part of this package."""
    with (files("dataset") / PARAMETERS).open("rb") as file:
        return _loaded(file)


def load(path: Path) -> Twin:
    """Load a twin from a parameter file.

    Raises:
        TwinParametersError: the file is missing, unreadable, or does not hold a twin's parameters.
    """
    try:
        with path.open("rb") as file:
            return _loaded(file)
    except OSError as error:
        raise TwinParametersError(f"{path} cannot be read: {error.strerror}.") from None
    except Exception:  # noqa: BLE001 - a wrong file fails in numpy, zipfile or here in many ways
        raise TwinParametersError(f"{path} does not hold a twin's parameters.") from None


def save(twin: Twin, file: IO[bytes]) -> None:
    """Write a twin's parameters as an .npz of float32 arrays; equal twins give equal bytes."""
    import numpy as np

    arrays: dict[str, Floats] = {}
    for name in CLASSES:
        mixture: Mixture = getattr(twin, name)
        arrays |= {
            f"{name}.{part}": getattr(mixture, part)
            for part in ("shares", "means", "factors", "second_day")
        }
        arrays |= {f"{name}.{column}": table for column, table in mixture.tables.items()}
    singles: dict[str, Any] = {key: array.astype("float32") for key, array in arrays.items()}
    np.savez_compressed(file, **singles)


def _loaded(file: IO[bytes]) -> Twin:
    import numpy as np

    with np.load(file, allow_pickle=False) as stored:
        arrays = {key: stored[key].astype("float64") for key in stored.files}
    if not all(np.isfinite(array).all() for array in arrays.values()):
        raise ValueError("not finite")
    return Twin(*(_mixture(arrays, name) for name in CLASSES))


def _mixture(arrays: Mapping[str, "Floats"], name: str) -> Mixture:
    mixture = Mixture(
        shares=arrays[f"{name}.shares"],
        means=arrays[f"{name}.means"],
        factors=arrays[f"{name}.factors"],
        tables={column: arrays[f"{name}.{column}"] for column in MIXED},
        second_day=arrays[f"{name}.second_day"],
    )
    components, width = len(mixture.shares), len(MIXED)
    if (mixture.means.shape, mixture.factors.shape) != (
        (components, width),
        (components, width, width),
    ):
        raise ValueError("shapes do not match")
    return mixture
