from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from dataset.columns import FEATURES
from model.artifact.metadata import DataSource
from model.errors import TrainingError
from model.evaluation.threshold import Policy
from model.labelled import Labelled
from model.pipeline import planned_epochs, train_and_save
from model.recipes import RECIPES
from model.serving.backend import compiled
from model.training.plan import TrainingPlan
from model.training.train import Trained, train

SOURCE = DataSource(name="made up for tests")


def test_it_learns_and_is_evaluated_on_the_last_fifth(
    trained: Trained, transactions: pd.DataFrame
) -> None:
    held_out = trained.metadata.held_out
    assert (held_out.rows, held_out.frauds) == (600, 30)
    assert held_out.average_precision > 0.9
    last = transactions.tail(600)
    frauds = last[last["Class"] == 1]["Amount"].sum()
    assert held_out.amount_caught + held_out.amount_missed == pytest.approx(frauds)


def test_the_metadata_describe_the_training(trained: Trained, plan: TrainingPlan) -> None:
    metadata = trained.metadata
    assert metadata.feature_names == FEATURES
    assert (metadata.rows, metadata.frauds) == (3000, 150)
    assert (metadata.seed, metadata.epochs) == (plan.seed, plan.epochs)
    assert metadata.threshold == metadata.held_out.threshold
    assert {"python", "keras", "backend", "numpy", "tensorflow"} <= set(metadata.versions)
    assert metadata.source.synthetic is True
    assert len(metadata.source.sha256) == 64
    assert metadata.sample.features
    assert all(len(row) == 30 for row in metadata.sample.features)


def test_progress_counts_epochs(
    trained: Trained, plan: TrainingPlan, reported_epochs: list[int]
) -> None:
    assert reported_epochs == [1] * 12  # before the evaluation, and on all rows
    assert planned_epochs(plan) == 12


def test_the_planned_epochs_include_those_of_the_plots() -> None:
    plan = TrainingPlan(RECIPES["tensorflow-baseline"], epochs=3)
    assert planned_epochs(plan) == 3
    assert planned_epochs(replace(plan, plots=True)) == 3 + 2 * 20


def test_the_same_seed_gives_the_same_network_and_another_seed_another(
    trained: Trained,
    plan: TrainingPlan,
    rows: Labelled,
    raw: NDArray[np.float32],
    scores: NDArray[np.float32],
) -> None:
    again = train(rows, plan, source=SOURCE)
    assert np.allclose(scores, compiled(again.network)(raw), atol=1e-6)
    other = train(rows, replace(plan, seed=4, refit=False), source=SOURCE)
    # The held-out rows are scored before the refit.
    assert np.allclose(trained.held_out.scores, again.held_out.scores, atol=1e-6)
    assert not np.allclose(trained.held_out.scores, other.held_out.scores, atol=1e-3)


@pytest.mark.parametrize(
    ("part", "sentence"),
    [
        (slice(0, 1), "1 rows are too few to train on."),
        (slice(8, 27), "Of the 19 rows, the 15 that are trained on hold 0 frauds"),
        (slice(0, 20), "Of the 20 rows, the 4 that are held out hold 0 frauds"),
    ],
)
def test_rows_without_frauds_are_rejected(rows: Labelled, part: slice, sentence: str) -> None:
    with pytest.raises(TrainingError, match=sentence):
        train(rows.take(part), TrainingPlan(), source=SOURCE)


def test_a_plan_needs_an_epoch() -> None:
    with pytest.raises(TrainingError, match="0 epochs are too few"):
        TrainingPlan(epochs=0)


def test_an_interruption_leaves_nothing(rows: Labelled, tmp_path: Path) -> None:
    def interrupt(_epochs: int) -> None:
        raise KeyboardInterrupt

    plan = TrainingPlan(epochs=2)
    with pytest.raises(KeyboardInterrupt):
        train_and_save(rows, plan, tmp_path / "new", source=SOURCE, progress=interrupt)
    assert list(tmp_path.iterdir()) == []


def test_weights_stand_for_repeated_rows(transactions: pd.DataFrame) -> None:
    """The same split, constants, bias and metrics as with the rows themselves repeated."""
    times = np.where(transactions["Class"] == 1, 1, 3)
    repeated = transactions.iloc[np.arange(len(times)).repeat(times)].reset_index(drop=True)
    plan = TrainingPlan(seed=3, epochs=1, refit=False)
    weighted = train(Labelled.of(transactions, times.astype(float)), plan, source=SOURCE)
    many = train(Labelled.of(repeated), plan, source=SOURCE)
    assert weighted.metadata.transactions == many.metadata.transactions == len(repeated)
    mine, theirs = weighted.metadata.held_out, many.metadata.held_out
    assert (mine.transactions, mine.frauds) == (theirs.transactions, theirs.frauds)
    for name in ("mean", "variance"):
        assert np.allclose(
            getattr(weighted.network.get_layer("standardised"), name),
            getattr(many.network.get_layer("standardised"), name),
            rtol=1e-5,
        )


def test_weights_reach_the_loss(
    rows: Labelled, plan: TrainingPlan, raw: NDArray[np.float32], scores: NDArray[np.float32]
) -> None:
    """Frauds of nearly no weight are hardly learned."""
    weighted = replace(rows, weights=np.where(rows.fraud, 1e-5, 1.0))
    light = train(weighted, replace(plan, refit=False), source=SOURCE)
    assert compiled(light.network)(raw)[rows.fraud].mean() < 0.1
    assert scores[rows.fraud].mean() > 0.5


def test_the_policy_chooses_the_threshold(
    rows: Labelled, plan: TrainingPlan, trained: Trained
) -> None:
    policy = Policy("alerts-per-day", 20)  # of about 75 frauds a day
    few = train(rows, replace(plan, policy=policy, refit=False), source=SOURCE).metadata
    assert few.held_out.alerts_a_day <= 20
    assert few.threshold > trained.metadata.threshold
    assert few.threshold_policy == policy.sentence
