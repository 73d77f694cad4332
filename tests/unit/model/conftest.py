"""One small training for all tests of this room: importing TensorFlow alone takes seconds."""

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from dataset.columns import FEATURES
from model.artifact.metadata import DataSource
from model.training.rows import Rows
from model.training.train import Trained, train
from tests.support import made_up


@pytest.fixture(scope="session")
def transactions() -> pd.DataFrame:
    """3,000 made-up rows; every 20th is a fraud."""
    return made_up.transactions(3000)


@pytest.fixture(scope="session")
def epochs_told() -> list[int]:
    """What the training's progress callback was told."""
    return []


@pytest.fixture(scope="session")
def trained(transactions: pd.DataFrame, epochs_told: list[int]) -> Trained:
    source = DataSource(name="made up for tests", synthetic=True)
    return train(transactions, source=source, seed=3, epochs=15, progress=epochs_told.append)


@pytest.fixture(scope="session")
def raw(transactions: pd.DataFrame) -> NDArray[np.float32]:
    """All features, float32 [3000, 30]."""
    return transactions[list(FEATURES)].to_numpy(np.float32)


@pytest.fixture
def rows(transactions: pd.DataFrame) -> Rows:
    """The same with labels, each standing for itself; a twentieth are frauds."""
    return Rows.of(transactions, np.ones(len(transactions)))
