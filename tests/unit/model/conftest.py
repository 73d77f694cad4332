"""Trainings that the tests of this package share: importing TensorFlow alone takes seconds."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from model.artifact.metadata import DataSource
from model.artifact.save import save
from model.labelled import Labelled
from model.recipes import RECIPES
from model.serving.backend import compiled
from model.training.plan import TrainingPlan
from model.training.train import Trained, train
from tests.support import made_up

SOURCE = DataSource(name="made up for tests", synthetic=True)


@pytest.fixture(scope="session")
def transactions() -> pd.DataFrame:
    """3,000 made-up rows; every 20th is a fraud."""
    return made_up.transactions(3000)


@pytest.fixture(scope="session")
def rows(transactions: pd.DataFrame) -> Labelled:
    """The same rows, with a weight of 1 each."""
    return Labelled.of(transactions)


@pytest.fixture(scope="session")
def raw(rows: Labelled) -> NDArray[np.float32]:
    """All features, float32 [3000, 30]."""
    return rows.inputs


@pytest.fixture(scope="session")
def plan() -> TrainingPlan:
    """The plan of `trained`."""
    return TrainingPlan(seed=3, epochs=6)


@pytest.fixture(scope="session")
def reported_epochs() -> list[int]:
    """The values that the progress callback of `trained` received."""
    return []


@pytest.fixture(scope="session")
def trained(rows: Labelled, plan: TrainingPlan, reported_epochs: list[int]) -> Trained:
    return train(rows, plan, source=SOURCE, progress=reported_epochs.append)


@pytest.fixture(scope="session")
def scores(trained: Trained, raw: NDArray[np.float32]) -> NDArray[np.float32]:
    """The scores of all rows by `trained`, as it was before it was saved."""
    return compiled(trained.network)(raw)


@pytest.fixture(scope="session")
def artifact(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The artifact of `trained`, without plots; tests must not change it."""
    folder = tmp_path_factory.mktemp("trained") / "artifact"
    save(folder, trained.network, trained.metadata)
    return folder


@pytest.fixture(scope="session")
def by_recipe(rows: Labelled) -> Callable[[str], Trained]:
    """Return the network of a recipe, trained for two epochs and not refitted."""

    @cache
    def trained_by(name: str) -> Trained:
        brief = TrainingPlan(RECIPES[name], seed=3, epochs=2, refit=False)
        return train(rows, brief, source=SOURCE)

    return trained_by
