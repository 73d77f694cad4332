"""Rows with more frauds than real payments have: warnings, and the correction of the scores."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result
from numpy.typing import NDArray

from fraudstream.commands.train import command
from model import pipeline
from model.artifact.card import card
from model.artifact.metadata import DataSource, Metadata
from model.errors import TrainingError
from model.evaluation.evaluate import evaluate
from model.evaluation.prevalence import precision_at, share_warning
from model.labelled import Labelled
from model.recipes import RECIPES
from model.serving.backend import compiled
from model.training.plan import TrainingPlan
from model.training.prior import shift
from model.training.split import split
from model.training.train import Trained, train
from tests.support.scored import scored

PRIOR = 0.001


def log_odds(scores: NDArray[np.float32]) -> NDArray[np.float64]:
    doubled = scores.astype(np.float64)
    return np.asarray(np.log(doubled) - np.log1p(-doubled))


def test_scores_are_shifted_in_log_odds_inside_the_network(
    by_recipe: Callable[[str], Trained], rows: Labelled, raw: NDArray[np.float32]
) -> None:
    plain = by_recipe("champion")
    plan = TrainingPlan(seed=3, epochs=2, refit=False, prior=PRIOR)
    corrected = train(rows, plan, source=DataSource(name="made up for tests"))
    before, after = (log_odds(compiled(net.network)(raw)) for net in (plain, corrected))
    trained_on = rows.take(split(rows, plan.recipe, plan.seed).train)
    share = trained_on.frauds / trained_on.transactions
    expected = np.log(PRIOR / (1 - PRIOR)) - np.log(share / (1 - share))
    settled = np.abs(before) < 8  # where float32 still resolves a probability
    assert settled.mean() > 0.5
    assert np.allclose((after - before)[settled], expected, atol=1e-2)

    metadata = corrected.metadata
    held_out = metadata.held_out
    assert metadata.prior == PRIOR
    assert held_out.threshold == metadata.threshold
    assert (held_out.true_positives + held_out.false_negatives) / held_out.transactions == (
        pytest.approx(PRIOR)
    )
    assert "corrected for a share of frauds of 0.001" in card(metadata)


@pytest.mark.parametrize(
    ("recipe", "odds"),
    [
        ("champion", 150 / 2850),
        ("tensorflow-weighted", 1),  # equal total weights
        ("tensorflow-oversampled", 1),  # half of each batch
        ("keras-imbalanced", 1),  # weighted by 1 / count
    ],
)
def test_class_weights_and_oversampling_count_as_a_share_of_frauds(
    rows: Labelled, recipe: str, odds: float
) -> None:
    assert shift(RECIPES[recipe], rows, 0.5) == pytest.approx(-np.log(odds), abs=1e-6)


@pytest.mark.parametrize("share", [0.001, 0.05, 0.9])
def test_rows_are_weighted_to_a_share(rows: Labelled, share: float) -> None:
    weighted = rows.at_share(share)
    assert weighted.frauds / weighted.transactions == pytest.approx(share)
    assert weighted.weights.min() == pytest.approx(1)


@pytest.mark.parametrize("prior", [0, 1, -0.1, float("nan")])
def test_a_prior_is_a_share(prior: float) -> None:
    with pytest.raises(TrainingError, match="is not between 0 and 1"):
        TrainingPlan(prior=prior)


def test_precision_at_another_share_is_that_of_reweighted_rows() -> None:
    rows = scored([1, 1, 0, 0, 0, 1], [0.9, 0.8, 0.7, 0.3, 0.2, 0.1])
    # At 0.01 each fraud stands for 1 transaction and each legitimate row for 99.
    reweighted = scored(
        [1, 1, 0, 0, 0, 1],
        [0.9, 0.8, 0.7, 0.3, 0.2, 0.1],
        weights=[1.0, 1.0, 99.0, 99.0, 99.0, 1.0],
    )
    expected = evaluate(reweighted, 0.5, resamples=1).precision
    assert precision_at(evaluate(rows, 0.5, resamples=1), 0.01) == pytest.approx(expected)
    assert precision_at(evaluate(rows, 0.95, resamples=1), 0.01) == 0


def test_only_a_share_that_no_real_payments_have_gives_a_warning() -> None:
    assert share_warning(492 / 284_807) is None
    assert str(share_warning(0.5)).startswith("50.0% of these transactions are frauds")


def run(monkeypatch: pytest.MonkeyPatch, folder: Path, metadata: Metadata, *options: str) -> Result:
    """Run `fraudstream train` on rows of which 5 % are frauds, without the training itself."""
    (folder / "artifact").mkdir(exist_ok=True)
    (folder / "artifact" / "metadata.json").touch()  # so it is replaced, and no store is made
    monkeypatch.setattr(pipeline, "train_and_save", lambda *_arguments, **_named: metadata)
    command_line = ["--data", str(folder / "rows.csv"), "--model", str(folder / "artifact")]
    return CliRunner().invoke(command, [*command_line, "--no-pictures", *options])


def test_training_warns_before_and_after_unless_a_prior_is_given(
    trained: Trained, transactions: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    transactions.head(100).to_csv(tmp_path / "rows.csv", index=False)
    before, hint, after = run(monkeypatch, tmp_path, trained.metadata).stderr.splitlines()
    assert before.startswith("Warning: 5.0% of these transactions are frauds; among real card")
    assert hint.startswith("Hint: `--prior SHARE` corrects scores and threshold")
    precision = precision_at(trained.metadata.held_out, 492 / 284_807)
    assert after.startswith("Warning: precision was measured with 5.0% of frauds; with 0.17%")
    assert f"it would be {precision:.3f}" in after
    assert "5.0% of these transactions are frauds" in card(trained.metadata)
    corrected = msgspec.structs.replace(trained.metadata, prior=0.0017)
    result = run(monkeypatch, tmp_path, corrected, "--prior", "0.0017")
    assert result.stderr.startswith("Warning: Only 570 legitimate rows were held out")
    assert "Only 570 legitimate rows were held out" in card(corrected)
    enough = msgspec.structs.replace(trained.metadata, prior=0.01)
    assert run(monkeypatch, tmp_path, enough, "--prior", "0.01").stderr == ""
    assert "prior" in result.stdout
