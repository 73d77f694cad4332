import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataset.split import folds, split_by_time


@given(st.integers(2, 300), st.floats(0.001, 0.999))
def test_parts_are_the_rows_in_order(rows: int, share: float) -> None:
    frame = pd.DataFrame({"Time": range(rows)})
    earlier, rest = split_by_time(frame, share)
    assert [*earlier["Time"], *rest["Time"]] == list(range(rows))
    assert len(earlier) >= 1
    assert len(rest) >= 1
    assert abs(len(rest) - share * rows) <= 1


def test_the_later_part_is_the_share() -> None:
    earlier, rest = split_by_time(pd.DataFrame({"Time": range(10)}), 0.2)
    assert rest.index.tolist() == [8, 9]
    assert len(earlier) == 8


@pytest.mark.parametrize("share", [0, 1, -0.1, float("nan")])
def test_an_invalid_share_is_rejected(share: float) -> None:
    with pytest.raises(ValueError, match="share"):
        split_by_time(pd.DataFrame({"Time": range(10)}), share)


def test_one_row_cannot_be_split() -> None:
    with pytest.raises(ValueError, match="cannot be split"):
        split_by_time(pd.DataFrame({"Time": [1]}), 0.5)


@given(st.lists(st.sampled_from([0.5, 1.0, 4.25]), min_size=2, max_size=60), st.floats(0.1, 0.9))
def test_with_weights_the_later_part_represents_the_share_of_the_transactions(
    weights: list[float], share: float
) -> None:
    weight = np.array(weights)
    earlier, rest = split_by_time(pd.DataFrame({"Time": range(len(weights))}), share, weight)
    assert [*earlier["Time"], *rest["Time"]] == list(range(len(weights)))
    # Exact up to the row on the border, except where a part would be empty.
    assert abs(weight[rest.index].sum() - share * weight.sum()) <= 4.25
    assert len(earlier) >= 1
    assert len(rest) >= 1


def test_equal_weights_split_like_no_weights() -> None:
    frame = pd.DataFrame({"Time": range(57)})
    assert (
        split_by_time(frame, 0.2, np.full(57, 3.0))[1].index[0]
        == split_by_time(frame, 0.2)[1].index[0]
    )


@given(st.lists(st.sampled_from([0.5, 1.0, 4.25]), min_size=60, max_size=200))
def test_each_fold_tests_the_fifth_after_its_training_rows(weights: list[float]) -> None:
    weight = np.array(weights)
    frame = pd.DataFrame({"Time": range(len(weights))})
    parts = folds(frame, weight)
    for (earlier, test), share in zip(parts, (0.4, 0.6, 0.8), strict=True):
        both = len(earlier) + len(test)
        assert [*earlier["Time"], *test["Time"]] == list(range(both))
        # Exact up to the rows on the borders.
        assert abs(weight[: len(earlier)].sum() - share * weight.sum()) <= 4.25
        assert abs(weight[:both].sum() - (share + 0.2) * weight.sum()) <= 4.25
    tested = [row for _, test in parts for row in test["Time"]]
    assert tested == list(range(len(parts[0][0]), len(weights)))  # each once
    assert parts[-1][1].equals(split_by_time(frame, 0.2, weight)[1])


def test_too_few_rows_for_folds_are_rejected() -> None:
    with pytest.raises(ValueError, match="3 rows cannot be split into 3 folds"):
        folds(pd.DataFrame({"Time": range(3)}))
