from dataclasses import replace

import numpy as np
import pytest

from model.evaluation.comparison import AUTHORS_THRESHOLD, Compared, compare
from model.evaluation.curve import Scored
from model.evaluation.evaluate import Evaluation, evaluate
from model.recipes import RECIPES
from model.recipes.recipe import Published

BASELINE = RECIPES["tensorflow-baseline"]


def run(found: int, missed: int, alarms: int, passed: int) -> Evaluation:
    """Return the evaluation of rows that came out so."""
    counts = (found, missed, alarms, passed)
    fraud = np.repeat([True, True, False, False], counts)
    scores = np.repeat([0.9, 0.1, 0.9, 0.1], counts)
    ones = np.ones(len(fraud))
    rows = Scored(fraud=fraud, scores=scores, amounts=ones, weights=ones, days=1.0)
    return evaluate(rows, AUTHORS_THRESHOLD, resamples=1)


def by_figure(*runs: Evaluation, published: Published | None = None) -> dict[str, Compared]:
    recipe = replace(BASELINE, published=(published or Published("2019", 68, 11, 56_846, 37),))
    return {it.figure: it for it in compare(recipe, runs)}


def test_the_same_counts_are_as_published() -> None:
    found = by_figure(run(68, 37, 11, 56_846))
    assert set(found) == {"recall", "false alarms", "precision"}
    for it in found.values():
        assert it.measured == pytest.approx(it.published)
        assert it.verdict == "as published"


def test_what_chance_does_not_explain_is_told() -> None:
    found = by_figure(run(30, 75, 110, 56_747))
    assert found["recall"].verdict == "lower"
    assert found["false alarms"].verdict == "higher"
    # 0.648 and 0.286 of 105 frauds each: standard errors of 0.047 and 0.044, together 0.064.
    assert found["recall"].allowed == pytest.approx(2 * 0.0642, abs=1e-3)


def test_the_spread_of_the_seeds_is_allowed_for() -> None:
    one = by_figure(run(80, 25, 40, 56_817))["false alarms"]
    several = by_figure(run(80, 25, 5, 56_852), run(80, 25, 75, 56_782))["false alarms"]
    assert one.verdict == "higher"
    assert several.verdict == "as published"
    assert (several.lowest, several.measured) == pytest.approx((5 / 56_857, 40 / 56_857))


def test_only_what_an_author_published_is_compared() -> None:
    told = Published("text", false_positives=4, true_negatives=56_860, recall=0.7, accuracy=0.9994)
    found = by_figure(run(69, 29, 4, 56_860), published=told)
    assert set(found) == {"recall", "false alarms", "accuracy"}
    assert {it.verdict for it in found.values()} == {"as published"}


def test_areas_have_the_error_of_hanley_and_mcneil() -> None:
    told = Published("2019", roc_auc=0.93)
    area = by_figure(run(68, 37, 11, 56_846), published=told)["ROC AUC"]
    assert area.published == 0.93
    assert 0 < area.allowed < 0.2


def test_nothing_flagged_and_everything_found_have_an_error_too() -> None:
    found = by_figure(run(0, 105, 0, 56_857))
    assert found["recall"].allowed > 0
    assert found["recall"].verdict == "lower"
