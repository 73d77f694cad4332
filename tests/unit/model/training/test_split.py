import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import train_test_split

from model.recipes import RECIPES
from model.training.split import Parts, split


def parts_of(transactions: pd.DataFrame, name: str, seed: int = 1) -> Parts:
    return split(transactions, RECIPES[name], None, seed)


@pytest.mark.parametrize("name", RECIPES)
def test_what_judges_is_a_fifth_and_is_never_learned_from(
    transactions: pd.DataFrame, name: str
) -> None:
    parts = parts_of(transactions, name)
    assert len(parts.test) == 600
    assert not np.intersect1d(parts.learned, parts.test).size
    assert not np.intersect1d(parts.learned, parts.validation).size
    everything = np.unique(np.concatenate([parts.learned, parts.validation, parts.test]))
    assert everything.tolist() == list(range(3000))


def test_later_rows_judge_champion_and_keras(transactions: pd.DataFrame) -> None:
    for name in ("champion", "keras-imbalanced"):
        parts = parts_of(transactions, name)
        assert parts.test.tolist() == list(range(2400, 3000))
        assert parts.validation is parts.test


def test_prosise_has_the_rows_of_his_seed(transactions: pd.DataFrame) -> None:
    _, his = train_test_split(
        np.arange(3000), test_size=0.2, stratify=transactions["Class"], random_state=0
    )
    for seed in (1, 2):
        parts = parts_of(transactions, "prosise", seed)
        assert parts.test.tolist() == sorted(his.tolist())
    assert transactions["Class"].iloc[parts.test].sum() == 30  # a fifth of the 150 frauds


def test_tensorflow_sets_a_fifth_of_the_rest_apart(transactions: pd.DataFrame) -> None:
    parts = parts_of(transactions, "tensorflow-baseline")
    assert len(parts.validation) == 480
    assert not np.intersect1d(parts.validation, parts.test).size
    other = parts_of(transactions, "tensorflow-baseline", seed=2)
    assert parts.test.tolist() != other.test.tolist()


def test_with_weights_the_later_part_is_a_fifth_of_what_rows_stand_for(
    transactions: pd.DataFrame,
) -> None:
    weights = np.where(np.arange(3000) < 1000, 1.0, 4.0)
    parts = split(transactions, RECIPES["champion"], weights, 1)
    assert weights[parts.test].sum() == pytest.approx(0.2 * weights.sum(), abs=4)
