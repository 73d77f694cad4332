import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataset import twin
from dataset.columns import COLUMNS, FEATURES, FRAUDS, ROWS
from dataset.errors import TwinError, TwinParametersError
from dataset.reader import read
from dataset.writer import write

DAY = 86_400


@pytest.fixture(scope="module")
def full() -> pd.DataFrame:
    return twin.synthesize(ROWS, 1)


def test_a_twin_has_the_form_that_read_returns(tmp_path: Path) -> None:
    frame = twin.synthesize(3_000, 5)
    write(frame, tmp_path / "twin.csv")
    pd.testing.assert_frame_equal(read(tmp_path / "twin.csv"), frame)
    assert tuple(frame.columns) == COLUMNS


@settings(max_examples=25)
@given(rows=st.integers(2, 5_000), seed=st.integers(0, 2**40))
def test_any_number_of_rows_is_valid(rows: int, seed: int) -> None:
    frame = twin.synthesize(rows, seed)
    assert len(frame) == rows
    assert frame["Class"].sum() == max(1, round(rows * FRAUDS / ROWS))
    assert frame["Time"].is_monotonic_increasing
    assert frame["Time"].between(0, 2 * DAY - 1).all()
    assert (frame["Time"] % 1 == 0).all()
    assert (frame["Amount"] >= 0).all()
    assert np.isfinite(frame.to_numpy()).all()


def test_the_seed_determines_the_rows() -> None:
    pd.testing.assert_frame_equal(twin.synthesize(1_000, 3), twin.synthesize(1_000, 3))
    assert not twin.synthesize(1_000, 3).equals(twin.synthesize(1_000, 4))


def test_the_share_of_frauds_is_the_originals(full: pd.DataFrame) -> None:
    assert (len(full), full["Class"].sum()) == (284_807, 492)


def test_amounts_keep_cents_and_point_masses(full: pd.DataFrame) -> None:
    amount = full["Amount"]
    assert (amount == amount.round(2)).all()
    # In the original, 4.8 % of all amounts are 1.00, 2.1 % are 1.98; the mean is 88.35.
    assert (amount == 1.00).mean() == pytest.approx(0.048, abs=0.008)
    assert (amount == 1.98).mean() == pytest.approx(0.021, abs=0.005)
    assert amount.mean() == pytest.approx(88.35, rel=0.05)
    # Of the frauds' amounts, 23 % are 1.00 and 5.5 % are 99.99.
    fraud = amount[full["Class"] == 1]
    assert (fraud == 1.00).mean() == pytest.approx(0.23, abs=0.07)
    assert (fraud == 99.99).mean() == pytest.approx(0.055, abs=0.04)


def test_the_rate_over_the_day_is_the_originals(full: pd.DataFrame) -> None:
    hours = np.bincount((full["Time"] // 3600).astype(int), minlength=48)
    # The original has 1,082 and 1,127 transactions in the fifth hour of its two days, and 7,732
    # and 7,688 in the thirteenth.
    assert hours[[4, 28]] == pytest.approx([1_082, 1_127], rel=0.12)
    assert hours[[12, 36]] == pytest.approx([7_732, 7_688], rel=0.05)


def test_frauds_differ_from_legitimate_rows_as_in_the_original(full: pd.DataFrame) -> None:
    means = full.groupby("Class")[["V4", "V14", "V17"]].mean()
    # The original's frauds have means 4.5, -7.0, -6.7; those of legitimate rows are about 0.
    assert means.loc[1].to_numpy() == pytest.approx([4.5, -7.0, -6.7], abs=1.2)
    assert means.loc[0].abs().max() < 0.2


def test_frauds_are_not_all_at_the_end_of_their_second(full: pd.DataFrame) -> None:
    last = ~full["Time"].duplicated(keep="last")
    frauds = full["Class"] == 1
    # Half of all transactions share their second with a later one. If frauds were sorted last,
    # hardly any fraud would.
    assert (frauds & ~last).sum() > 0.25 * frauds.sum()


def test_sampling_does_not_import_scikit_learn() -> None:
    program = (
        "import sys; from dataset import twin; twin.synthesize(10, 0); "
        "sys.exit(any(name.split('.')[0] in {'sklearn', 'scipy'} for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_progress_adds_up_to_the_rows() -> None:
    steps: list[int] = []
    twin.synthesize(70_000, 0, advance=steps.append)
    assert sum(steps) == 70_000
    assert len(steps) > 2


@pytest.mark.parametrize(("rows", "seed"), [(1, 0), (0, 0), (-5, 0), (10, -1)])
def test_invalid_sizes_and_seeds_are_rejected(rows: int, seed: int) -> None:
    with pytest.raises(TwinError):
        twin.synthesize(rows, seed)


def test_bundled_parameters_are_small_and_survive_a_round_trip(tmp_path: Path) -> None:
    bundled = Path(twin.__file__).with_name(twin.PARAMETERS)
    assert bundled.stat().st_size < 1_000_000
    buffer = io.BytesIO()
    twin.save(twin.bundled(), buffer)
    assert buffer.getvalue() == bundled.read_bytes()
    (tmp_path / "copy.npz").write_bytes(buffer.getvalue())
    pd.testing.assert_frame_equal(
        twin.synthesize(50, 0, parameters=tmp_path / "copy.npz"), twin.synthesize(50, 0)
    )


def test_files_without_parameters_are_rejected(tmp_path: Path) -> None:
    with pytest.raises(TwinParametersError, match="cannot be read"):
        twin.load(tmp_path / "none.npz")
    for name, content in (("text.npz", b"hello"), ("empty.npz", b"")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(TwinParametersError, match="does not hold"):
            twin.load(tmp_path / name)
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    with pytest.raises(TwinParametersError, match="does not hold"):
        twin.load(tmp_path / "other.npz")


@pytest.mark.genuine
def test_no_synthetic_row_is_a_genuine_one(genuine_folder: Path, full: pd.DataFrame) -> None:
    rows = read(genuine_folder / "creditcard_sample.csv.gz")
    components = list(FEATURES[1:29])
    scale = rows[components].std().to_numpy()
    # No synthetic fraud is nearer to a genuine one than any two genuine ones are to each other.
    original = rows.loc[rows["Class"] == 1, components].drop_duplicates().to_numpy() / scale
    drawn = full.loc[full["Class"] == 1, components].to_numpy() / scale
    nearest = np.sqrt(((drawn[:, None] - original) ** 2).sum(axis=2)).min()
    among = np.sqrt(((original[:, None] - original) ** 2).sum(axis=2))
    assert nearest > among[among > 0].min()
    # No row equals a genuine one, even when both are rounded to two decimals.
    drawn_rows = set(map(tuple, full[components].round(2).to_numpy()))
    assert not drawn_rows & set(map(tuple, rows[components].round(2).to_numpy()))
