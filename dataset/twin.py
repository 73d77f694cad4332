"""The twin: a synthetic creditcard.csv, drawn from a small file of parameters.

No row of it is or was a transaction; say so wherever its numbers are shown. What it keeps of the
original, class by class, is

- each column's distribution, as a table of quantiles (Amount with its point masses, such as 1.00
  and 99.99, and in cents);
- how the columns depend on each other, on the amount and on the hour of the day, as a mixture of
  Gaussians over normal scores (a Gaussian copula, but with several components);
- the clock: how many transactions, and how many frauds, come when within the two days.

`dataset.fitting` makes the parameters. Drawing needs numpy alone and no normal distribution
function: a table goes from the mixture's own scores to values.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from dataset.columns import COLUMNS, FEATURES, FRAUDS, ROWS
from dataset.errors import TwinError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    Floats = npt.NDArray[np.floating[Any]]

PARAMETERS = "twin.npz"
"""The shipped parameters, beside this file."""

MIXED = (*FEATURES[1:], "moment")
"""What each mixture is over: V1 to V28, Amount, and the second of the day."""

CLASSES = ("legitimate", "fraud")
"""The mixtures' names; the position is the value of Class."""

DAY = 86_400
"""Seconds in a day; the original's Time runs over two of them."""

BLOCK = 65_536
"""Rows drawn at once: 30 columns of them are 16 MB."""

DECIMALS = 14
"""Kept of each V; the original prints 15 significant digits, so messages are as long as its."""


@dataclass(frozen=True)
class Mixture:
    """One class: a mixture of Gaussians over scores, and what the scores stand for.

    Attributes:
        shares: [components], each component's part of the class, summing to 1.
        means: [components, 30] in the order of `MIXED`.
        factors: [components, 30, 30], lower Cholesky factors of the covariances.
        tables: for each name of `MIXED` an array [2, points]: scores, rising, and their values.
        second_day: [bins], the chance that a transaction at that part of the day was on the
            second day.
    """

    shares: "Floats"
    means: "Floats"
    factors: "Floats"
    tables: Mapping[str, "Floats"]
    second_day: "Floats"

    def draw(self, rows: int, random: "np.random.Generator") -> dict[str, "Floats"]:
        """Return that many rows of this class as columns: Time, V1 to V28 and Amount."""
        import numpy as np

        component = random.choice(len(self.shares), size=rows, p=self.shares / self.shares.sum())
        scores = random.standard_normal((rows, len(MIXED)))
        for number, (mean, factor) in enumerate(zip(self.means, self.factors, strict=True)):
            mine = component == number
            scores[mine] = scores[mine] @ factor.T + mean
        drawn = {
            name: np.round(np.interp(scores[:, place], *self.tables[name]), DECIMALS)
            for place, name in enumerate(MIXED)
        }
        moment = np.minimum(np.floor(drawn.pop("moment")), DAY - 1)
        part = (moment * (len(self.second_day) / DAY)).astype(int)
        day = random.random(rows) < self.second_day[part]
        return drawn | {"Time": moment + DAY * day, "Amount": np.round(drawn["Amount"], 2)}


@dataclass(frozen=True)
class Twin:
    """Everything it takes to draw a synthetic creditcard.csv: a mixture for each class."""

    legitimate: Mixture
    fraud: Mixture

    def synthesize(
        self, rows: int, seed: int, *, advance: Callable[[int], None] = lambda _rows: None
    ) -> "pd.DataFrame":
        """Return synthetic transactions, as `dataset.reader.read` would return genuine ones.

        Any number of rows is spread over the whole two days: fewer than 284,807 are a thinned
        stream and more a denser one, so that every size has the same columns, hours and balance of
        classes. (For the original's own density make 284,807 rows and use the first of them.)

        Args:
            rows: how many, at least 2. Frauds among them as in the original, 492 in 284,807
                (0.173 %), rounded, and at least one.
            seed: the same seed gives the same rows, with the same versions of numpy and of the
                parameters on the same kind of processor.
            advance: called with the number of rows drawn since the last call.

        Raises:
            TwinError: fewer than two rows, or a negative seed.
        """
        import numpy as np
        import pandas as pd

        if rows < 2:  # noqa: PLR2004 - one for each class
            raise TwinError(f"A twin has at least 2 rows, one for each class; {rows} were asked.")
        if seed < 0:
            raise TwinError(f"A seed is 0 or greater; {seed} was given.")
        random = np.random.default_rng(seed)
        frauds = max(1, round(rows * FRAUDS / ROWS))
        parts = []
        for label, mixture in enumerate((self.legitimate, self.fraud)):
            left = frauds if label else rows - frauds
            while left:
                drawn = min(left, BLOCK)
                parts.append(pd.DataFrame(mixture.draw(drawn, random)).assign(Class=label))
                left -= drawn
                advance(drawn)
        frame = pd.concat(parts)[list(COLUMNS)]
        frame["Class"] = frame["Class"].astype("int8")
        # Stable, after a shuffle: within one second, frauds come anywhere and not always last.
        shuffled = frame.iloc[random.permutation(rows)]
        return shuffled.sort_values("Time", kind="stable", ignore_index=True)


def synthesize(
    rows: int,
    seed: int,
    *,
    parameters: Path | None = None,
    advance: Callable[[int], None] = lambda _rows: None,
) -> "pd.DataFrame":
    """Return rows of the shipped twin, or of the one in `parameters`; see `Twin.synthesize`."""
    twin = shipped() if parameters is None else load(parameters)
    return twin.synthesize(rows, seed, advance=advance)


@cache
def shipped() -> Twin:
    """Return the twin that comes with the project."""
    with (files("dataset") / PARAMETERS).open("rb") as file:
        return _loaded(file)


def load(path: Path) -> Twin:
    """Return the twin of a parameter file.

    Raises:
        TwinError: the file is missing, not readable, or not a twin's parameters.
    """
    try:
        with path.open("rb") as file:
            return _loaded(file)
    except OSError as error:
        raise TwinError(
            f"{path} cannot be read: {error.strerror}; `fraudstream data fit` makes such a file."
        ) from None
    except Exception:  # noqa: BLE001 - a wrong file fails in numpy, zipfile or here in many ways
        raise TwinError(
            f"{path} does not hold a twin's parameters; `fraudstream data fit` makes such a file."
        ) from None


def save(twin: Twin, file: IO[bytes]) -> None:
    """Write a twin's parameters as an .npz of 32-bit floats; equal twins give equal bytes."""
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
