"""Compare a recipe's published figures with those measured here."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, variance

from model.evaluation.results import Evaluation
from model.recipes.recipe import Published, Recipe

AUTHORS_THRESHOLD = 0.5
"""All authors flag at and above it."""

ALLOWED = 2.0
"""Standard errors between figures that count as equal: 95 % of equal figures are closer."""

_TEST_ROWS = 56_962  # a fifth of the file; every author tests on one


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its uncertainty.

    Attributes:
        value: the figure.
        error: its standard error, from the choice of the test rows.
    """

    value: float
    error: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """One figure of a recipe, as published and as measured.

    Attributes:
        recipe: its name.
        where: the edition or place where it was published.
        figure: its name.
        published: the author's value.
        measured: mean over the seeds.
        lowest: of the seeds.
        highest: of the seeds.
        allowed: the difference that chance explains: `ALLOWED` standard errors, from both sets of
            test rows and from the seeds.
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
        """Either "as published", "higher" or "lower"."""
        if abs(self.measured - self.published) <= self.allowed:
            return "as published"
        return "higher" if self.measured > self.published else "lower"


def compare(recipe: Recipe, runs: Sequence[Evaluation]) -> Iterator[Comparison]:
    """Compare each published figure of a recipe with its runs.

    Args:
        recipe: with its author's figures.
        runs: one evaluation at `AUTHORS_THRESHOLD` for each seed, at least one.
    """
    measured = [_measured(run) for run in runs]
    for published in recipe.published:
        for figure, author in _published(published).items():
            estimates = [estimate[figure] for estimate in measured]
            values = [estimate.value for estimate in estimates]
            seeds = variance(values) if len(values) > 1 else 0.0
            # The author's figure is a run of one seed as well.
            error = sqrt(author.error**2 + estimates[0].error ** 2 + seeds * (1 + 1 / len(values)))
            yield Comparison(
                recipe=recipe.name,
                where=published.where,
                figure=figure,
                published=author.value,
                measured=fmean(values),
                lowest=min(values),
                highest=max(values),
                allowed=ALLOWED * error,
            )


def _published(published: Published) -> dict[str, Estimate]:
    frauds, legitimate = _sizes(published)
    estimates: dict[str, Estimate] = {}
    if published.true_positives is not None:
        estimates["recall"] = _share(published.true_positives / frauds, frauds)
    elif published.recall is not None:
        estimates["recall"] = _share(published.recall, frauds)
    if published.false_positives is not None:
        estimates["false alarms"] = _share(published.false_positives / legitimate, legitimate)
    if published.true_positives is not None and published.false_positives is not None:
        flagged = published.true_positives + published.false_positives
        estimates["precision"] = _share(published.true_positives / flagged, flagged)
    if published.roc_auc is not None:
        estimates["ROC AUC"] = _area(published.roc_auc, frauds, legitimate)
    if published.accuracy is not None:
        estimates["accuracy"] = _share(published.accuracy, _TEST_ROWS)
    return estimates


def _sizes(published: Published) -> tuple[float, float]:
    """Return frauds and legitimate transactions among the author's test rows."""
    if published.true_negatives is not None and published.false_positives is not None:
        legitimate = published.true_negatives + published.false_positives
        return _TEST_ROWS - legitimate, legitimate
    return 98, _TEST_ROWS - 98  # a fifth of the file's 492 frauds


def _measured(run: Evaluation) -> dict[str, Estimate]:
    frauds = run.true_positives + run.false_negatives
    legitimate = run.false_positives + run.true_negatives
    correct = (run.true_positives + run.true_negatives) / run.transactions
    return {
        "recall": _share(run.recall, run.frauds),
        "false alarms": _share(run.false_positives / legitimate, run.rows - run.frauds),
        "precision": _share(run.precision, max(run.flagged, 1.0)),
        "ROC AUC": _area(run.roc_auc, frauds, legitimate),
        "accuracy": _share(correct, run.rows),
    }


def _share(value: float, rows: float) -> Estimate:
    """Return a share with its binomial standard error, which stays above 0 at shares 0 and 1."""
    bounded = min(max(value, 1 / (rows + 2)), 1 - 1 / (rows + 2))
    return Estimate(value, sqrt(bounded * (1 - bounded) / rows))


def _area(value: float, frauds: float, legitimate: float) -> Estimate:
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
    return Estimate(value, sqrt(max(spread, 0.0)))
