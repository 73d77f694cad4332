from dataclasses import replace

import numpy as np
import pytest

from model.evaluation.comparison import AUTHORS_THRESHOLD, Comparison, compare
from model.evaluation.curve import Scored
from model.evaluation.evaluate import evaluate
from model.evaluation.results import Evaluation
from model.recipes import RECIPES
from model.recipes.recipe import Published

BASELINE = RECIPES["tensorflow-baseline"]


def run(flagged: int, missed: int, alarms: int, passed: int) -> Evaluation:
    """Return the evaluation of rows with these counts."""
    counts = (flagged, missed, alarms, passed)
    fraud = np.repeat([True, True, False, False], counts)
    scores = np.repeat([0.9, 0.1, 0.9, 0.1], counts)
    ones = np.ones(len(fraud))
    rows = Scored(fraud=fraud, scores=scores, amounts=ones, weights=ones, days=1.0)
    return evaluate(rows, AUTHORS_THRESHOLD, resamples=1)


def by_figure(*runs: Evaluation, published: Published | None = None) -> dict[str, Comparison]:
    recipe = replace(BASELINE, published=(published or Published("2019", 68, 11, 56_846, 37),))
    return {comparison.figure: comparison for comparison in compare(recipe, runs)}


def test_the_same_counts_are_as_published() -> None:
    comparisons = by_figure(run(68, 37, 11, 56_846))
    assert set(comparisons) == {"recall", "false alarms", "precision"}
    for comparison in comparisons.values():
        assert comparison.measured == pytest.approx(comparison.published)
        assert comparison.verdict == "as published"


def test_a_difference_beyond_chance_has_a_verdict() -> None:
    comparisons = by_figure(run(30, 75, 110, 56_747))
    assert comparisons["recall"].verdict == "lower"
    assert comparisons["false alarms"].verdict == "higher"
    # 0.648 and 0.286 of 105 frauds each: standard errors of 0.047 and 0.044, together 0.064.
    assert comparisons["recall"].allowed == pytest.approx(2 * 0.0642, abs=1e-3)


def test_the_spread_of_the_seeds_is_allowed_for() -> None:
    one = by_figure(run(80, 25, 40, 56_817))["false alarms"]
    several = by_figure(run(80, 25, 5, 56_852), run(80, 25, 75, 56_782))["false alarms"]
    assert one.verdict == "higher"
    assert several.verdict == "as published"
    assert (several.lowest, several.measured) == pytest.approx((5 / 56_857, 40 / 56_857))


def test_only_published_figures_are_compared() -> None:
    published = Published(
        "text", false_positives=4, true_negatives=56_860, recall=0.7, accuracy=0.9994
    )
    comparisons = by_figure(run(69, 29, 4, 56_860), published=published)
    assert set(comparisons) == {"recall", "false alarms", "accuracy"}
    assert {comparison.verdict for comparison in comparisons.values()} == {"as published"}


def test_areas_have_the_error_of_hanley_and_mcneil() -> None:
    published = Published("2019", roc_auc=0.93)
    area = by_figure(run(68, 37, 11, 56_846), published=published)["ROC AUC"]
    assert area.published == 0.93
    assert 0 < area.allowed < 0.2


def test_shares_of_0_and_1_have_an_error() -> None:
    comparisons = by_figure(run(0, 105, 0, 56_857))
    assert comparisons["recall"].allowed > 0
    assert comparisons["recall"].verdict == "lower"
