"""What the twin is worth: train on it alone, judge on genuine rows that it was not fitted on.

The judge is scikit-learn's histogram gradient boosting on V1 to V28 and Amount (Time is left out:
it says which row it is, not what it is). The measure is average precision with the rows' weights,
because it depends on how rare fraud is. The same judge trained on the genuine earlier rows says
what there is to reach.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dataset.columns import FEATURES, ROWS
from dataset.errors import TwinError
from dataset.fitting import FITTED_BEFORE
from dataset.twin import Twin

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

JUDGED_BEFORE = 227_846
"""Rows of the original from this one on, its last fifth, are left for finished models."""

JUDGING = list(FEATURES[1:])


@dataclass(frozen=True)
class Fidelity:
    """Average precision on genuine later rows, 0 to 1.

    Attributes:
        twin: one for each seed, trained on a twin of that seed.
        genuine: one for each seed, trained on the genuine earlier rows.
        frauds: how many frauds were among the judged rows.
        rows: how many genuine rows judged.
    """

    twin: tuple[float, ...]
    genuine: tuple[float, ...]
    frauds: int
    rows: int


def measure(
    twin: Twin,
    rows: "pd.DataFrame",
    *,
    seeds: Iterable[int] = range(5),
    size: int = ROWS,
    compare: bool = True,
    first: int = FITTED_BEFORE,
    before: int = JUDGED_BEFORE,
    advance: Callable[[int], None] = lambda _trainings: None,
) -> Fidelity:
    """Return how well models do on genuine rows that were trained on the twin alone.

    Args:
        twin: fitted on rows before `first`.
        rows: genuine rows with `row` and `weight`, as `dataset.fitting.numbered` gives them.
        seeds: of the twins and of the models.
        size: rows of each twin.
        compare: train on the genuine earlier rows too.
        first: the first row of the original that judges.
        before: the first row of the original after them.
        advance: called after each training.

    Raises:
        TwinError: there is no fraud among the rows that judge.
    """
    judging = rows[(rows["row"] >= first) & (rows["row"] < before)]
    earlier = rows[rows["row"] < first]
    frauds = int(judging["Class"].sum())
    if not frauds or frauds == len(judging):
        raise TwinError(
            f"Judging needs frauds and others among rows {first} to {before - 1} of the original; "
            f"of {len(judging)} rows there {frauds} are frauds."
        )
    of_twin, of_genuine = [], []
    for seed in seeds:
        synthetic = twin.synthesize(size, seed)
        of_twin.append(_precision(synthetic, None, judging, seed))
        advance(1)
        if compare:
            of_genuine.append(_precision(earlier, earlier["weight"].to_numpy(), judging, seed))
            advance(1)
    return Fidelity(tuple(of_twin), tuple(of_genuine), frauds, len(judging))


def _precision(
    training: "pd.DataFrame",
    weights: "npt.NDArray[np.float64] | None",
    judging: "pd.DataFrame",
    seed: int,
) -> float:
    """Train, and return the average precision on the rows that judge."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import average_precision_score

    # Small steps and strong regularisation: with 0.17 % frauds the library's defaults diverge.
    model = HistGradientBoostingClassifier(
        learning_rate=0.1,
        max_iter=100,
        max_leaf_nodes=15,
        min_samples_leaf=20,
        l2_regularization=10.0,
        early_stopping=False,
        random_state=seed,
    ).fit(training[JUDGING], training["Class"], sample_weight=weights)
    scores = model.predict_proba(judging[JUDGING])[:, 1]
    return float(average_precision_score(judging["Class"], scores, sample_weight=judging["weight"]))
