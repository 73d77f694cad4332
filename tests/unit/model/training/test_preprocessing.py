"""Preprocessing inside the graph, compared with numpy and scipy."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import ks_2samp

from dataset.columns import FEATURES
from model.errors import TrainingError
from model.labelled import Labelled
from model.recipes.recipe import Preparation
from model.serving.backend import compiled, import_keras
from model.training.preprocessing import NARROWEST_BIN, distances, edges, preprocess

STANDARD = Preparation(time=True, amount_offset=1.0, standardised=True, clip=10.0)


def graph(
    preparation: Preparation, rows: Labelled, raw: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the preprocessed features, [n, width]."""
    keras = import_keras()
    transaction = keras.Input((len(FEATURES),), dtype="float32")
    network = keras.Model(transaction, preprocess(transaction, preparation, rows))
    return compiled(network)(raw).reshape(len(raw), -1)


def test_features_are_standardised_by_the_rows_and_their_weights(
    rows: Labelled, raw: NDArray[np.float32]
) -> None:
    weighted = replace(rows, weights=np.where(rows.labels == 1, 1.0, 3.0))
    features = np.column_stack([rows.features[:, :-1], np.log(rows.features[:, -1] + 1)])
    mean = np.average(features, axis=0, weights=weighted.weights)
    deviation = np.sqrt(np.average((features - mean) ** 2, axis=0, weights=weighted.weights))
    assert graph(STANDARD, weighted, raw) == pytest.approx((features - mean) / deviation, abs=1e-4)


def test_values_that_training_never_saw_stay_within_the_bounds(rows: Labelled) -> None:
    raw = np.zeros((6, 30), np.float32)
    raw[:, 5] = [1e3, 3.4e38, 0, 0, 0, 0]  # a component
    raw[:, 0] = [0, 0, 1e9, 3.4e38, 0, 0]  # Time
    raw[:, 29] = [0, 0, 0, 0, 0, -5]  # Amount, whose logarithm needs it at 0 or above
    found = graph(replace(STANDARD, bins=8), rows, raw)
    assert np.abs(found).max() == 10  # standard deviations
    assert np.array_equal(found[::2], found[1::2])


def test_distances_are_those_of_kolmogorov_and_smirnov(rows: Labelled) -> None:
    features = rows.features.round(1)  # so that many values are the same
    fraud = rows.labels == 1
    expected = [ks_2samp(column[fraud], column[~fraud]).statistic for column in features.T]
    assert distances(features, rows) == pytest.approx(expected)


def test_distances_and_edges_count_a_row_as_often_as_it_weighs(rows: Labelled) -> None:
    times = np.where(np.arange(len(rows.labels)) % 3 == 0, 4, 1)
    weighted = replace(rows, weights=times.astype(float))
    repeated = Labelled(
        rows.features.repeat(times, axis=0), rows.labels.repeat(times), np.ones(times.sum())
    )
    assert distances(rows.features, weighted) == pytest.approx(
        distances(repeated.features, repeated)
    )
    for mine, theirs in zip(
        edges(rows.features, weighted, 8), edges(repeated.features, repeated, 8), strict=True
    ):
        assert mine == pytest.approx(theirs)


def test_features_that_do_not_separate_the_classes_are_dropped(
    rows: Labelled, raw: NDArray[np.float32]
) -> None:
    # V1 to V28 of the frauds are shifted; Time and Amount are not.
    kept = graph(replace(STANDARD, apart=0.2), rows, raw)
    assert np.array_equal(kept, graph(STANDARD, rows, raw)[:, 1:29])


def test_rows_without_any_separating_feature_are_rejected(
    rows: Labelled, raw: NDArray[np.float32]
) -> None:
    features = np.random.default_rng(1).random(rows.features.shape)
    with pytest.raises(TrainingError, match="In none of the 30 features do frauds differ"):
        graph(replace(STANDARD, apart=0.5), replace(rows, features=features), raw)


def test_a_constant_feature_becomes_0(rows: Labelled, raw: NDArray[np.float32]) -> None:
    features, seen = rows.features.copy(), raw.copy()
    features[:, 3] = seen[:, 3] = 7.5
    found = graph(replace(STANDARD, bins=4), replace(rows, features=features), seen)
    assert np.isfinite(found).all()
    assert (found[:, 3] == 0).all()


def test_terms_are_the_part_of_each_bin_below_a_value(
    rows: Labelled, raw: NDArray[np.float32]
) -> None:
    plain = graph(STANDARD, rows, raw)
    both = graph(replace(STANDARD, bins=4), rows, raw)
    # 4 bins of legitimate rows and 2 of frauds: 5 and 3 edges, 7 bins between.
    assert both.shape == (len(raw), 30 + 30 * 7)
    assert np.array_equal(both[:, :30], plain)
    terms = both[:, 30:].reshape(-1, 30, 7)
    assert terms.min() == 0
    assert terms.max() == 1
    # A bin fills only after those before it are full, up to where narrow ones are widened.
    low, width = edges(plain.astype(float), rows, 4)
    genuine = (width > NARROWEST_BIN).all(axis=1)
    assert genuine.sum() > 20
    assert (np.diff(terms[:, genuine], axis=2) <= 1e-6).all()
    # Their sum is the value again.
    value = low[genuine, 0] + (terms[:, genuine] * width[genuine]).sum(axis=2)
    assert value == pytest.approx(plain[:, genuine], abs=1e-3)


def test_edges_are_quantiles_of_both_classes(rows: Labelled) -> None:
    low, width = edges(rows.features, rows, 2)
    fraud = rows.labels == 1
    for place in (1, 14):
        values = rows.features[:, place]
        expected = sorted(
            [
                values[~fraud].min(),
                np.quantile(values[~fraud], 0.5, method="inverted_cdf"),
                values[~fraud].max(),
                values[fraud].min(),
                values[fraud].max(),
            ]
        )
        assert low[place] == pytest.approx(expected[:-1])
        assert width[place] == pytest.approx(np.diff(expected).clip(NARROWEST_BIN), rel=1e-5)
