import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataset.split import later


@given(st.integers(2, 300), st.floats(0.001, 0.999))
def test_parts_are_the_rows_in_order(rows: int, share: float) -> None:
    frame = pd.DataFrame({"Time": range(rows)})
    earlier, rest = later(frame, share)
    assert [*earlier["Time"], *rest["Time"]] == list(range(rows))
    assert len(earlier) >= 1
    assert len(rest) >= 1
    assert abs(len(rest) - share * rows) <= 1


def test_the_later_part_is_the_share() -> None:
    earlier, rest = later(pd.DataFrame({"Time": range(10)}), 0.2)
    assert rest.index.tolist() == [8, 9]
    assert len(earlier) == 8


@pytest.mark.parametrize("share", [0, 1, -0.1, float("nan")])
def test_impossible_shares(share: float) -> None:
    with pytest.raises(ValueError, match="share"):
        later(pd.DataFrame({"Time": range(10)}), share)


def test_one_row() -> None:
    with pytest.raises(ValueError, match="cannot be split"):
        later(pd.DataFrame({"Time": [1]}), 0.5)
