"""The drift baseline: bins, and the weighted shares of the training rows in them."""

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from model.drift_baseline import Distribution, DriftBaseline
from model.training.train import Trained

ONES = np.ones(1000)


def test_deciles_hold_a_tenth_each() -> None:
    distribution = Distribution.of(np.arange(1, 1001, dtype=np.float32), ONES)
    assert distribution.edges == [100, 200, 300, 400, 500, 600, 700, 800, 900]
    assert distribution.shares == pytest.approx([0.1] * 10)


def test_a_value_that_is_several_deciles_is_one_edge() -> None:
    values = np.where(np.arange(1000) < 450, 1, np.arange(1000)).astype(np.float32)
    distribution = Distribution.of(values, ONES)
    assert distribution.edges[0] == 1
    assert distribution.shares[0] == pytest.approx(0.45)
    assert len(distribution.edges) == len(distribution.shares) - 1 < 9


def test_a_feature_with_one_value_has_one_edge() -> None:
    distribution = Distribution.of(np.full(1000, 7, np.float32), ONES)
    assert (distribution.edges, distribution.shares) == ([7.0], [1.0, 0.0])


@given(
    arrays.arrays(np.float32, 50, elements=st.floats(-1e3, 1e3, width=32)),
    arrays.arrays(np.int64, 50, elements=st.integers(1, 9)),
)
def test_weights_stand_for_repeated_rows(
    values: NDArray[np.float32], times: NDArray[np.int64]
) -> None:
    weighted = Distribution.of(values, times.astype(float))
    repeated = Distribution.of(values.repeat(times), np.ones(times.sum()))
    assert weighted.shares == pytest.approx(repeated.shares)
    assert weighted.edges == repeated.edges
    assert weighted.edges == sorted(set(weighted.edges))
    assert sum(weighted.shares) == pytest.approx(1)


def test_it_is_part_of_the_metadata_and_survives_json(
    trained: Trained, raw: NDArray[np.float32], scores: NDArray[np.float32]
) -> None:
    expected = DriftBaseline.of(raw, scores, np.ones(len(raw)))
    assert trained.metadata.reference == expected
    assert expected.rows == 3000
    assert len(expected.features) == 30
    assert msgspec.json.decode(msgspec.json.encode(expected), type=DriftBaseline) == expected
