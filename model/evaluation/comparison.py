"""Published against measured: what a recipe's author got, and what it gives here."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, variance

from model.evaluation.evaluate import Evaluation
from model.recipes.recipe import Published, Recipe

AUTHORS_THRESHOLD = 0.5
"""All of them flag at and above it."""

ALLOWED = 2.0
"""Standard errors between two figures that count as the same: 95 % of such pairs are nearer."""

_TEST_ROWS = 56_962  # a fifth of the file, on which every author's figures are


@dataclass(frozen=True, slots=True)
class Measured:
    """A figure with what it rests on.

    Attributes:
        value: the figure.
        deviation: its standard error from the rows that judge: other rows, another figure.
    """

    value: float
    deviation: float


@dataclass(frozen=True, slots=True)
class Compared:
    """One figure of a recipe, as published and as measured.

    Attributes:
        recipe: its name.
        where: in which edition or place it was published.
        figure: its name.
        published: the author's.
        measured: mean over the seeds.
        lowest: of the seeds.
        highest: of the seeds.
        allowed: how far apart the two may be by chance: `ALLOWED` standard errors, of both sets of
            judging rows and of the seeds.
    """

    recipe: str
    where: str
    figure: str
    published: float
    measured: float
    lowest: float
    highest: float
    allowed: float

    @property
    def verdict(self) -> str:
        """Say "as published", or how it is off."""
        if abs(self.measured - self.published) <= self.allowed:
            return "as published"
        return "higher" if self.measured > self.published else "lower"


def compare(recipe: Recipe, runs: Sequence[Evaluation]) -> Iterator[Compared]:
    """Give each published figure of a recipe beside those of its runs.

    Args:
        recipe: with what its author published.
        runs: one evaluation at `AUTHORS_THRESHOLD` for each seed, at least one.
    """
    measured = [_measured(run) for run in runs]
    for published in recipe.published:
        for figure, theirs in _published(published).items():
            ours = [it[figure] for it in measured]
            values = [it.value for it in ours]
            seeds = variance(values) if len(values) > 1 else 0.0
            # The author's is one run of one seed as well.
            error = sqrt(theirs.deviation**2 + ours[0].deviation ** 2 + seeds * (1 + 1 / len(ours)))
            yield Compared(
                recipe=recipe.name,
                where=published.where,
                figure=figure,
                published=theirs.value,
                measured=fmean(values),
                lowest=min(values),
                highest=max(values),
                allowed=ALLOWED * error,
            )


def _published(figures: Published) -> dict[str, Measured]:
    frauds, legitimate = _sizes(figures)
    found: dict[str, Measured] = {}
    if figures.true_positives is not None:
        found["recall"] = _share(figures.true_positives / frauds, frauds)
    elif figures.recall is not None:
        found["recall"] = _share(figures.recall, frauds)
    if figures.false_positives is not None:
        found["false alarms"] = _share(figures.false_positives / legitimate, legitimate)
    if figures.true_positives is not None and figures.false_positives is not None:
        flagged = figures.true_positives + figures.false_positives
        found["precision"] = _share(figures.true_positives / flagged, flagged)
    if figures.roc_auc is not None:
        found["ROC AUC"] = _area(figures.roc_auc, frauds, legitimate)
    if figures.accuracy is not None:
        found["accuracy"] = _share(figures.accuracy, _TEST_ROWS)
    return found


def _sizes(figures: Published) -> tuple[float, float]:
    """Return frauds and legitimate transactions among the author's judging rows."""
    if figures.true_negatives is not None and figures.false_positives is not None:
        legitimate = figures.true_negatives + figures.false_positives
        return _TEST_ROWS - legitimate, legitimate
    return 98, _TEST_ROWS - 98  # a fifth of the file's 492 frauds


def _measured(run: Evaluation) -> dict[str, Measured]:
    frauds = run.true_positives + run.false_negatives
    legitimate = run.false_positives + run.true_negatives
    right = (run.true_positives + run.true_negatives) / run.transactions
    return {
        "recall": _share(run.recall, run.frauds),
        "false alarms": _share(run.false_positives / legitimate, run.rows - run.frauds),
        "precision": _share(run.precision, max(run.flagged, 1.0)),
        "ROC AUC": _area(run.roc_auc, frauds, legitimate),
        "accuracy": _share(right, run.rows),
    }


def _share(value: float, rows: float) -> Measured:
    """Return a share with its binomial standard error; that of one more and one less at 0 and 1."""
    bounded = min(max(value, 1 / (rows + 2)), 1 - 1 / (rows + 2))
    return Measured(value, sqrt(bounded * (1 - bounded) / rows))


def _area(value: float, frauds: float, legitimate: float) -> Measured:
    """Return an area with its standard error.

    By Hanley and McNeil, The Meaning and Use of the Area under a Receiver Operating Characteristic
    (ROC) Curve, Radiology 1982, formula 1.
    """
    first, second = value / (2 - value), 2 * value**2 / (1 + value)
    spread = (
        value * (1 - value)
        + (frauds - 1) * (first - value**2)
        + (legitimate - 1) * (second - value**2)
    ) / (frauds * legitimate)
    return Measured(value, sqrt(max(spread, 0.0)))
