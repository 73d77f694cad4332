from dataclasses import replace

import numpy as np
import pytest
from sklearn.model_selection import train_test_split

from model.labelled import Labelled
from model.recipes import RECIPES
from model.training.split import Split, split


def parts_of(rows: Labelled, name: str, seed: int = 1) -> Split:
    return split(rows, RECIPES[name], seed)


@pytest.mark.parametrize("name", RECIPES)
def test_the_test_rows_are_a_fifth_and_never_trained_on(rows: Labelled, name: str) -> None:
    parts = parts_of(rows, name)
    assert len(parts.test) == 600
    assert not np.intersect1d(parts.train, parts.test).size
    assert not np.intersect1d(parts.train, parts.validation).size
    everything = np.unique(np.concatenate([parts.train, parts.validation, parts.test]))
    assert everything.tolist() == list(range(3000))


def test_champion_and_keras_hold_out_later_rows(rows: Labelled) -> None:
    for name in ("champion", "keras-imbalanced"):
        parts = parts_of(rows, name)
        assert parts.test.tolist() == list(range(2400, 3000))
        assert parts.validation is parts.test


def test_prosise_holds_out_the_rows_of_his_seed(rows: Labelled) -> None:
    _, his = train_test_split(np.arange(3000), test_size=0.2, stratify=rows.labels, random_state=0)
    for seed in (1, 2):
        parts = parts_of(rows, "prosise", seed)
        assert parts.test.tolist() == sorted(his.tolist())
    assert rows.labels[parts.test].sum() == 30  # a fifth of the 150 frauds


def test_tensorflow_holds_out_a_fifth_of_the_rest_for_validation(rows: Labelled) -> None:
    parts = parts_of(rows, "tensorflow-baseline")
    assert len(parts.validation) == 480
    assert not np.intersect1d(parts.validation, parts.test).size
    other = parts_of(rows, "tensorflow-baseline", seed=2)
    assert parts.test.tolist() != other.test.tolist()


def test_with_weights_the_later_part_is_a_fifth_of_the_transactions(
    rows: Labelled,
) -> None:
    weights = np.where(np.arange(3000) < 1000, 1.0, 4.0)
    parts = split(replace(rows, weights=weights), RECIPES["champion"], 1)
    assert weights[parts.test].sum() == pytest.approx(0.2 * weights.sum(), abs=4)
