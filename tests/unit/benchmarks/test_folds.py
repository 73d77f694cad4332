"""The benchmark on folds, with made-up rows and scores."""

from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from benchmarks.harness.errors import BenchmarkError
from benchmarks.models import trees
from benchmarks.models.folds import TrainingRun, random_split, results, table, trained
from benchmarks.models.training import DataFile, all_rows, folds, held_out, train_and_score
from benchmarks.models.variants import VARIANTS
from dataset.twin import synthesize
from dataset.writer import write
from model.evaluation.curve import OperatingCurve, Scored
from model.evaluation.evaluate import evaluate
from model.recipes import RECIPES
from model.recipes.champion import CHAMPION
from model.recipes.tensorflow import BASELINE
from tests.support.scored import scored

SEEDS = 2


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> DataFile:
    """8,000 rows of the twin, and a weight of 1 or 3 for each."""
    folder = tmp_path_factory.mktemp("folds")
    frame = synthesize(8000, seed=1)
    write(frame, folder / "rows.csv")
    weights = np.where(frame["Class"] == 1, 1, 3)
    (folder / "weights.csv").write_text("weight\n" + "\n".join(map(str, weights)))
    return DataFile(folder / "rows.csv", folder / "weights.csv")


def made_up_scores() -> dict[TrainingRun, Scored]:
    """Return scores of three models: the champion, "twin" with the same, "better" with better."""
    scores: dict[TrainingRun, Scored] = {}
    for fold, seed in product(range(3), range(1, SEEDS + 1)):
        random = np.random.default_rng([fold, seed])
        labels = (np.random.default_rng(fold).random(400) < 0.1).astype(int)
        champion = random.normal(size=400) + labels
        of_models = {CHAMPION.name: champion, "better": champion + labels, "twin": champion}
        for model, values in of_models.items():
            shares = 1 / (1 + np.exp(-values))
            scores[TrainingRun(model, fold, seed)] = scored(labels.tolist(), shares.tolist())
    return scores


def test_a_models_row_has_its_mean_and_its_difference_on_the_same_resamples() -> None:
    scores = made_up_scores()
    by_model = results(scores, [CHAMPION.name, "twin", "better"], SEEDS)
    best, *others = (
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in table(by_model).splitlines()[2:]
    )
    assert best[0] == "better"
    assert [line[0] for line in others] == [CHAMPION.name, "twin"]
    by_hand = {
        run: OperatingCurve.of(rows).average_precision
        for run, rows in scores.items()
        if run.model == "better"
    }
    for fold in range(3):
        mean = np.mean([by_hand[TrainingRun("better", fold, seed)] for seed in (1, 2)])
        assert best[1 + fold] == f"{mean:.3f}"
    assert best[4] == f"{np.mean(list(by_hand.values())):.3f}"
    of_seeds = [
        np.mean([by_hand[TrainingRun("better", fold, seed)] for fold in range(3)])
        for seed in (1, 2)
    ]
    assert best[5] == f"{abs(of_seeds[0] - of_seeds[1]) / 2**0.5:.3f}"
    assert float(best[8].split()[0]) > 0  # better in nearly every resample
    assert others[0][7:9] == ["", ""]
    assert others[1][7:9] == ["+0.000", "+0.000 to +0.000"]  # in pairs, so without any spread
    errors = [
        evaluate(rows, 0.5, resamples=1).calibration_error
        for run, rows in scores.items()
        if run.model == "better"
    ]
    assert best[9] == f"{np.mean(errors):.5f}"


def test_variants_differ_from_the_champion_and_are_trained_as_recipes(file: DataFile) -> None:
    assert all(variant != CHAMPION for variant in VARIANTS.values())
    assert not VARIANTS.keys() & RECIPES.keys()
    earlier, test = folds(file)[0]
    scores = train_and_score("plain", earlier, test, seed=1)
    assert scores.shape == (len(test),)


def test_a_fold_is_trained_on_the_rows_before_its_test_rows(file: DataFile) -> None:
    tested = 0
    for earlier, test in folds(file):
        assert earlier.column("Time").max() <= test.column("Time").min()
        for part in (earlier, test):
            assert part.weights.tolist() == np.where(part.fraud, 1, 3).tolist()
        tested += len(test)
    assert tested == len(all_rows(file)) - len(folds(file)[0][0])  # each once


def test_each_fold_tests_on_the_fifth_after_its_training_rows(file: DataFile) -> None:
    total = all_rows(file).transactions
    for (earlier, test), share in zip(folds(file), (0.4, 0.6, 0.8), strict=True):
        # Exact but for the rows on the borders.
        assert earlier.transactions == pytest.approx(share * total, abs=3)
        assert test.transactions == pytest.approx(0.2 * total, abs=6)


def test_folds_without_frauds_are_rejected(tmp_path: Path) -> None:
    frame = synthesize(2000, seed=1)
    frame["Class"] = (np.arange(2000) < 5).astype(np.int8)
    write(frame, tmp_path / "rows.csv")
    with pytest.raises(BenchmarkError, match=r"rows\.csv has too few frauds"):
        folds(DataFile(tmp_path / "rows.csv", None))


def test_only_recipes_that_stop_early_hold_out_validation_rows(file: DataFile) -> None:
    earlier, _ = folds(file)[0]
    train, validation = held_out(replace(CHAMPION, patience=None), earlier, seed=1)
    assert (len(train), validation) == (len(earlier), None)
    train, validation = held_out(BASELINE, earlier, seed=1)
    assert validation is not None
    assert len(validation) == pytest.approx(0.2 * len(earlier), abs=1)
    both = np.concatenate([train.features, validation.features])
    assert np.array_equal(np.sort(both, axis=0), np.sort(earlier.features, axis=0))


def test_trees_are_trained_in_processes_and_tested_on_each_fold(file: DataFile) -> None:
    scores = trained(file, ["lightgbm-defaults"], seeds=1)
    assert scores.keys() == {TrainingRun("lightgbm-defaults", fold, 1) for fold in range(3)}
    for run, rows in scores.items():
        _, test = folds(file)[run.fold]
        assert rows.fraud.tolist() == test.fraud.tolist()
        assert rows.weights.tolist() == test.weights.tolist()


def test_a_recipe_is_trained_and_scores_the_test_rows(
    file: DataFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(RECIPES, "brief", replace(BASELINE, epochs=2))
    earlier, test = folds(file)[0]
    scores = train_and_score("brief", earlier, test, seed=1)
    assert scores.shape == (len(test),)
    assert 0 <= scores.min() < scores.max() <= 1


def test_weights_count_in_the_training_of_trees(file: DataFile) -> None:
    earlier, test = folds(file)[2]
    scores = trees.scores(trees.TUNED, earlier, test.features, seed=1)
    assert np.median(scores[test.fraud]) > 10 * np.median(scores[~test.fraud])
    again = trees.scores(trees.TUNED, earlier, test.features, seed=1)
    assert np.array_equal(scores, again)
    heavier = replace(earlier, weights=np.where(earlier.fraud, 100.0, 1.0))
    suspicious = trees.scores(trees.TUNED, heavier, test.features, seed=1)
    assert np.median(suspicious[~test.fraud]) > 2 * np.median(scores[~test.fraud])


def test_the_difference_of_a_random_split_is_the_difference_of_the_means(file: DataFile) -> None:
    lines = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in random_split(file, seeds=1).splitlines()[2:]
    ]
    assert [line[0] for line in lines] == ["a random fifth", "the last fifth", "difference"]
    random, later, difference = (float(line[1]) for line in lines)
    assert difference == pytest.approx(random - later, abs=0.0011)
    low, _, high = lines[2][3].split()
    assert float(low) <= difference <= float(high)


def test_a_missing_lightgbm_is_an_error_that_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(trees, "find_spec", lambda _name: None)
    with pytest.raises(BenchmarkError, match=r"pip install 'lightgbm>=4\.5'"):
        trees.check_installed()
