import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from dataset import fitting, twin
from dataset.columns import FEATURES
from dataset.errors import ReadError, TwinError
from dataset.fidelity import measure
from dataset.reader import read

BEFORE = 30_000


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    """Synthetic rows in place of genuine ones, with enough frauds to fit."""
    frauds = pd.DataFrame(twin.bundled().fraud.sample(600, np.random.default_rng(1))).assign(
        Class=1
    )
    both = pd.concat([twin.synthesize(60_000, 11), frauds]).sort_values("Time", ignore_index=True)
    return fitting.add_row_and_weight(both.astype({"Class": "int8"}), None)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small mixtures, which are fitted in a second."""
    for name in ("LEGITIMATE", "FRAUD"):
        mixture = getattr(fitting, name)
        monkeypatch.setattr(fitting, name, replace(mixture, components=2, sample=1_500))


def saved(fitted: twin.Twin) -> bytes:
    buffer = io.BytesIO()
    twin.save(fitted, buffer)
    return buffer.getvalue()


@pytest.mark.usefixtures("small")
def test_fitting_is_deterministic_and_ignores_later_rows(rows: pd.DataFrame) -> None:
    steps: list[int] = []
    fitted = fitting.fit(rows, before=BEFORE, advance=steps.append)
    assert steps == [1, 1]
    assert saved(fitted) == saved(fitting.fit(rows, before=BEFORE))
    changed = rows.copy()
    changed.loc[changed["row"] >= BEFORE, list(FEATURES)] = 1e6
    assert saved(fitted) == saved(fitting.fit(changed, before=BEFORE))
    assert saved(fitted) != saved(fitting.fit(rows, before=BEFORE // 2 + 10_000))


@pytest.mark.usefixtures("small")
def test_fitted_marginals_and_dependence_follow_the_rows(rows: pd.DataFrame) -> None:
    drawn = fitting.fit(rows, before=10**9).synthesize(60_000, 0)
    for name in ("V1", "V14", "Amount", "Time"):
        genuine = rows.loc[rows["Class"] == 0, name].quantile([0.05, 0.5, 0.95]).to_numpy()
        spread = genuine[2] - genuine[0]
        synthetic = drawn.loc[drawn["Class"] == 0, name].quantile([0.05, 0.5, 0.95]).to_numpy()
        assert np.abs(synthetic - genuine).max() < 0.05 * spread, name
    pairs = [("V2", "Amount"), ("V7", "Amount")]
    for one, other in pairs:
        wanted = rows[one].corr(rows[other], method="spearman")
        assert drawn[one].corr(drawn[other], method="spearman") == pytest.approx(wanted, abs=0.12)


@pytest.mark.usefixtures("small")
def test_weights_affect_marginals(rows: pd.DataFrame) -> None:
    heavy = rows.assign(weight=np.where(rows["V1"] > 0, 9.0, 1.0))
    drawn = fitting.fit(heavy, before=10**9).synthesize(20_000, 0)
    legitimate = heavy[heavy["Class"] == 0]
    share = np.average(legitimate["V1"] > 0, weights=legitimate["weight"])
    assert (drawn["V1"] > 0).mean() == pytest.approx(share, abs=0.02)


@pytest.mark.usefixtures("small")
def test_weights_affect_dependence(rows: pd.DataFrame) -> None:
    sign = np.where(np.random.default_rng(0).random(len(rows)) < 0.5, 1, -1)
    mixed = rows.assign(V2=sign * rows["V1"], weight=np.where(sign > 0, 9.0, 1.0))
    drawn = fitting.fit(mixed, before=10**9).synthesize(20_000, 0)
    assert drawn["V1"].corr(drawn["V2"], method="spearman") > 0.5


@pytest.mark.usefixtures("small")
def test_given_times_determine_the_rate(rows: pd.DataFrame) -> None:
    times = pd.DataFrame({"Time": np.arange(0, 172_800, 20) // 2 + 43_200.0, "Class": 0})
    times.loc[::50, "Class"] = 1
    drawn = fitting.fit(rows, times, before=10**9).synthesize(20_000, 0)
    assert drawn["Time"].between(43_000, 130_000).mean() > 0.97


def test_too_few_rows_of_a_class_are_rejected(rows: pd.DataFrame) -> None:
    with pytest.raises(TwinError, match="at least 120 rows of Class 1"):
        fitting.fit(rows[(rows["Class"] == 0) | (rows["row"] < 100)], before=10**9)


def test_the_file_of_row_numbers_must_match_the_rows(rows: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    with pytest.raises(ReadError, match="cannot be read"):
        fitting.add_row_and_weight(rows, path)
    path.write_text("row,weight\n1,2.5\n")
    with pytest.raises(ReadError, match="1 lines for 2 rows"):
        fitting.add_row_and_weight(rows[:2], path)
    assert fitting.add_row_and_weight(rows[:1], path)[["row", "weight"]].to_numpy().tolist() == [
        [1, 2.5]
    ]
    path.write_text("a,b\n1,2\n")
    with pytest.raises(ReadError, match="columns row and weight"):
        fitting.add_row_and_weight(rows[:1], path)
    with pytest.raises(ReadError, match="Time and Class"):
        fitting.read_clock(path)
    with pytest.raises(ReadError, match="cannot be read"):
        fitting.read_clock(tmp_path / "none.csv")


def test_measuring_fidelity_needs_both_classes(rows: pd.DataFrame) -> None:
    with pytest.raises(TwinError, match="Evaluation needs both classes"):
        measure(twin.bundled(), rows[rows["Class"] == 0], seeds=[0], first=10, before=1_000)


@pytest.mark.genuine
def test_a_model_trained_on_the_twin_alone_finds_genuine_later_frauds(genuine_folder: Path) -> None:
    rows = fitting.add_row_and_weight(
        read(genuine_folder / "creditcard_sample.csv.gz"),
        genuine_folder / "creditcard_sample_rows.csv.gz",
    )
    # On a busy machine several threads are slower than one, because they wait for each other.
    with threadpool_limits(1, user_api="openmp"):
        fidelity = measure(twin.bundled(), rows, seeds=[0], compare=False)
    assert fidelity.frauds == 52
    assert fidelity.twin[0] >= 0.75
