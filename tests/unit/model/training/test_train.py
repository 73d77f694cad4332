from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from dataset.columns import FEATURES
from model.artifact.metadata import DataSource
from model.errors import TrainingError
from model.evaluation.threshold import Policy
from model.serving.backend import compiled
from model.training.train import Trained, train, train_and_save

SOURCE = DataSource(name="made up for tests")


def test_it_learns_and_is_judged_on_the_last_fifth(
    trained: Trained, transactions: pd.DataFrame
) -> None:
    held_out = trained.metadata.held_out
    assert (held_out.rows, held_out.frauds) == (600, 30)
    assert held_out.average_precision > 0.9
    last = transactions.tail(600)
    frauds = last[last["Class"] == 1]["Amount"].sum()
    assert held_out.amount_caught + held_out.amount_missed == pytest.approx(frauds)


def test_the_metadata_say_what_was_done(trained: Trained, transactions: pd.DataFrame) -> None:
    metadata = trained.metadata
    assert metadata.feature_names == FEATURES
    assert (metadata.rows, metadata.frauds, metadata.seed, metadata.epochs) == (3000, 150, 3, 15)
    assert metadata.threshold == metadata.held_out.threshold
    assert {"python", "keras", "backend", "numpy", "tensorflow"} <= set(metadata.versions)
    assert metadata.source.synthetic is True
    assert len(metadata.source.sha256) == 64
    assert metadata.sample.features
    assert all(len(row) == 30 for row in metadata.sample.features)


def test_progress_counts_epochs(trained: Trained, epochs_told: list[int]) -> None:
    assert epochs_told == [1] * 30  # once to be judged, and once to all rows


def test_the_same_seed_gives_the_same_network_and_another_another(
    trained: Trained, transactions: pd.DataFrame, raw: NDArray[np.float32]
) -> None:
    first, again, other = (
        compiled(network)(raw)
        for network in (
            trained.network,
            train(transactions, source=SOURCE, seed=3, epochs=15).network,
            train(transactions, source=SOURCE, seed=4, epochs=15).network,
        )
    )
    assert np.allclose(first, again, atol=1e-6)
    assert not np.allclose(first, other, atol=1e-3)


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (slice(0, 1), "1 rows are too few to train on."),
        (slice(8, 27), "Of the 19 rows, the 15 that are learned hold 0 frauds"),
        (slice(0, 20), "Of the 20 rows, the 4 that are held out hold 0 frauds"),
    ],
)
def test_rows_without_frauds_are_refused(
    transactions: pd.DataFrame, rows: slice, sentence: str
) -> None:
    with pytest.raises(TrainingError, match=sentence):
        train(transactions.iloc[rows], source=SOURCE)


def test_no_epochs_are_refused(transactions: pd.DataFrame) -> None:
    with pytest.raises(TrainingError, match="0 epochs were asked for"):
        train(transactions, source=SOURCE, epochs=0)


def test_an_interruption_leaves_nothing(transactions: pd.DataFrame, tmp_path: Path) -> None:
    def interrupt(_epochs: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_and_save(transactions, tmp_path / "new", source=SOURCE, epochs=2, progress=interrupt)
    assert list(tmp_path.iterdir()) == []


def test_weights_stand_for_repeated_rows(transactions: pd.DataFrame) -> None:
    """The same split, constants, bias and figures as with the rows themselves repeated."""
    times = np.where(transactions["Class"] == 1, 1, 3)
    repeated = transactions.iloc[np.arange(len(times)).repeat(times)].reset_index(drop=True)
    weighted = train(transactions, source=SOURCE, weights=times.astype(float), seed=3, epochs=1)
    many = train(repeated, source=SOURCE, seed=3, epochs=1)
    assert weighted.metadata.transactions == many.metadata.transactions == len(repeated)
    mine, theirs = weighted.metadata.held_out, many.metadata.held_out
    assert (mine.transactions, mine.frauds) == (theirs.transactions, theirs.frauds)
    for name in ("mean", "variance"):
        assert np.allclose(
            getattr(weighted.network.get_layer("standardised"), name),
            getattr(many.network.get_layer("standardised"), name),
            rtol=1e-5,
        )


def test_weights_reach_the_loss(transactions: pd.DataFrame, raw: NDArray[np.float32]) -> None:
    """Frauds that stand for next to nothing are hardly learned."""
    fraud = transactions["Class"].to_numpy() == 1
    weights = np.where(fraud, 1e-5, 1.0)
    light = train(transactions, source=SOURCE, weights=weights, seed=3, epochs=15)
    plain = train(transactions, source=SOURCE, seed=3, epochs=15)
    assert compiled(light.network)(raw)[fraud].mean() < 0.1
    assert compiled(plain.network)(raw)[fraud].mean() > 0.5


def test_the_policy_chooses_the_threshold(transactions: pd.DataFrame, trained: Trained) -> None:
    policy = Policy("alerts-per-day", 20)  # of about 75 frauds a day
    few = train(transactions, source=SOURCE, policy=policy, seed=3, epochs=15).metadata
    assert few.held_out.alerts_a_day <= 20
    assert few.threshold > trained.metadata.threshold
    assert few.threshold_policy == policy.sentence
