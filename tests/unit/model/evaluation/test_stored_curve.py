"""A curve that is stored with a model: small, and good enough to choose a threshold on."""

import msgspec
import numpy as np
import pytest

from model.evaluation.curve import OperatingCurve
from model.evaluation.evaluate import at_threshold, evaluate
from model.evaluation.stored_curve import STEPS, StoredCurve
from model.evaluation.threshold import EXAMPLES, Policy, choose
from tests.support.scored import STEPS as ROWS
from tests.support.scored import scored

random = np.random.default_rng(3)
LABELS = (random.random(20_000) < 0.01).astype(int)
MANY = scored(
    LABELS.tolist(),
    (1 / (1 + np.exp(4 - 5 * LABELS - random.normal(size=20_000)))).tolist(),
    amounts=random.lognormal(3, 1, 20_000).tolist(),
)
CURVE = OperatingCurve.of(MANY)


def stored(curve: OperatingCurve) -> OperatingCurve:
    text = msgspec.json.encode(StoredCurve.of(curve))
    assert len(text) < 50_000
    return msgspec.json.decode(text, type=StoredCurve).restored()


def test_a_short_curve_is_kept_whole() -> None:
    curve = OperatingCurve.of(ROWS)
    for name in ("thresholds", "below", "flagged", "caught", "amount_caught"):
        assert np.array_equal(getattr(stored(curve), name), getattr(curve, name))


def test_of_a_long_curve_both_ends_are_kept() -> None:
    kept = stored(CURVE)
    assert len(CURVE.thresholds) > 10_000
    assert 200 < len(kept.thresholds) <= STEPS
    assert np.array_equal(kept.thresholds[:20], CURVE.thresholds[:20])
    assert kept.flagged[-1] == CURVE.flagged[-1]
    assert (np.diff(kept.flagged)[:-1] / kept.flagged[1:-1]).max() <= 1


@pytest.mark.parametrize("policy", [*EXAMPLES, "recall:0.95", "0.5"])
def test_the_choice_is_nearly_that_of_the_whole_curve(policy: str) -> None:
    if policy == "alerts-per-day:100":
        policy = "alerts-per-day:150"
    kept = stored(CURVE)
    exact, near = (choose(curve, Policy.parse(policy)) for curve in (CURVE, kept))
    flagged = [CURVE.flagged[CURVE.steps_at(threshold) - 1] for threshold in (exact, near)]
    assert flagged[1] == pytest.approx(flagged[0], rel=0.06)


def test_a_threshold_flags_exactly_the_rows_of_its_point() -> None:
    kept = stored(CURVE)
    for step in range(0, len(kept.thresholds), 7):
        threshold = kept.between(step)
        assert np.count_nonzero(MANY.scores >= threshold) == kept.flagged[step]


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.7, 0.95])
def test_an_evaluation_moves_to_another_threshold(threshold: float) -> None:
    curve = OperatingCurve.of(ROWS)
    moved = at_threshold(evaluate(ROWS, 0.5, resamples=1), curve, threshold)
    expected = evaluate(ROWS, threshold, resamples=1)
    for name in expected.__struct_fields__:
        if name != "reliability":
            assert getattr(moved, name) == pytest.approx(getattr(expected, name)), name
