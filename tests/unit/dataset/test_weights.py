import gzip
from pathlib import Path

import pytest

from dataset.errors import ReadError
from dataset.weights import read_weights


def test_weights_are_read_by_column_name(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text('row,"weight",digits\n0,1.006549,15\n7,"4.5",9\n')
    assert read_weights(file, 2).tolist() == [1.006549, 4.5]
    packed = tmp_path / "rows.csv.gz"
    packed.write_bytes(gzip.compress(file.read_bytes()))
    assert read_weights(packed, 2).tolist() == [1.006549, 4.5]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("row\n0\n1\n", "line 1: the header lacks the column weight"),
        ("weight\n1\n", "has 1 weights and the data 2 rows"),
        ("weight\n1\n2\n3\n", "has 3 weights and the data 2 rows"),
        ("weight\n1\n0\n", r"line 3, column weight: '0' is not a finite number above 0"),
        ("weight\n-1\n2\n", "line 2, column weight: '-1' is not"),
        ("weight\n1\nnan\n", "line 3, column weight: 'nan' is not"),
        ("weight\n1\ninf\n", "line 3, column weight: 'inf' is not"),
        ("weight\n1\nheavy\n", "line 3, column weight: 'heavy' is not"),
        ("weight,row\n1,0\n,1\n", "line 3, column weight: '' is not"),
        ("weight\n1,2,3\n4,5\n", "cannot be read as CSV"),
        ("", "is empty"),
    ],
)
def test_invalid_weights_are_rejected(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "rows.csv"
    file.write_text(text)
    with pytest.raises(ReadError, match=message):
        read_weights(file, 2)


def test_a_missing_file_is_named_in_the_error(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"nowhere\.csv does not exist"):
        read_weights(tmp_path / "nowhere.csv", 2)
