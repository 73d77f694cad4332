"""What the folds' benchmark makes of made-up rows and scores."""

from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from benchmarks.harness.errors import BenchmarkError
from benchmarks.models import trees
from benchmarks.models.folds import Run, judged, random_split, table, trained
from benchmarks.models.judging import File, folds, held_out, train_and_score
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
def file(tmp_path_factory: pytest.TempPathFactory) -> File:
    """8,000 rows of the twin, and a weight of 1 or 3 for each."""
    folder = tmp_path_factory.mktemp("folds")
    frame = synthesize(8000, seed=1)
    write(frame, folder / "rows.csv")
    weights = np.where(frame["Class"] == 1, 1, 3)
    (folder / "weights.csv").write_text("weight\n" + "\n".join(map(str, weights)))
    return File(folder / "rows.csv", folder / "weights.csv")


def found() -> dict[Run, Scored]:
    """Three models: "better" ranks a little better than the champion, "twin" ranks as it does."""
    scores: dict[Run, Scored] = {}
    for fold, seed in product(range(3), range(1, SEEDS + 1)):
        random = np.random.default_rng([fold, seed])
        labels = (np.random.default_rng(fold).random(400) < 0.1).astype(int)
        champion = random.normal(size=400) + labels
        of_models = {CHAMPION.name: champion, "better": champion + labels, "twin": champion}
        for model, values in of_models.items():
            shares = 1 / (1 + np.exp(-values))
            scores[Run(model, fold, seed)] = scored(labels.tolist(), shares.tolist())
    return scores


def test_a_models_line_is_its_mean_and_its_difference_on_the_same_resamples() -> None:
    scores = found()
    results = judged(scores, [CHAMPION.name, "twin", "better"], SEEDS)
    best, *others = (
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in table(results).splitlines()[2:]
    )
    assert best[0] == "better"
    assert [line[0] for line in others] == [CHAMPION.name, "twin"]
    by_hand = {
        run: OperatingCurve.of(rows).average_precision
        for run, rows in scores.items()
        if run.model == "better"
    }
    for fold in range(3):
        mean = np.mean([by_hand[Run("better", fold, seed)] for seed in (1, 2)])
        assert best[1 + fold] == f"{mean:.3f}"
    assert best[4] == f"{np.mean(list(by_hand.values())):.3f}"
    of_seeds = [
        np.mean([by_hand[Run("better", fold, seed)] for fold in range(3)]) for seed in (1, 2)
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


def test_variants_differ_from_the_champion_and_are_trained_as_recipes_are(file: File) -> None:
    assert all(variant != CHAMPION for variant in VARIANTS.values())
    assert not VARIANTS.keys() & RECIPES.keys()
    earlier, judging = folds(file)[0]
    scores = train_and_score("plain", earlier, judging, seed=1)
    assert scores.shape == (len(judging.frame),)


def test_a_fold_learns_from_what_came_before(file: File) -> None:
    for earlier, judging in folds(file):
        assert earlier.frame["Time"].max() <= judging.frame["Time"].min()
        for part in (earlier, judging):
            assert part.weights.tolist() == np.where(part.frame["Class"] == 1, 1, 3).tolist()


def test_folds_without_frauds_are_refused(tmp_path: Path) -> None:
    frame = synthesize(2000, seed=1)
    frame["Class"] = (np.arange(2000) < 5).astype(np.int8)
    write(frame, tmp_path / "rows.csv")
    with pytest.raises(BenchmarkError, match=r"rows\.csv has too few frauds"):
        folds(File(tmp_path / "rows.csv", None))


def test_only_who_stops_early_sets_rows_apart(file: File) -> None:
    earlier, _ = folds(file)[0]
    learned, validation = held_out(replace(CHAMPION, patience=None), earlier, seed=1)
    assert (len(learned.labels), validation) == (len(earlier.frame), None)
    learned, validation = held_out(BASELINE, earlier, seed=1)
    assert validation is not None
    assert len(validation.labels) == pytest.approx(0.2 * len(earlier.frame), abs=1)
    both = np.concatenate([learned.features, validation.features])
    assert np.array_equal(np.sort(both, axis=0), np.sort(earlier.rows().features, axis=0))


def test_trees_are_trained_in_processes_and_judged_by_each_fold(file: File) -> None:
    results = trained(file, ["lightgbm-defaults"], seeds=1)
    assert results.keys() == {Run("lightgbm-defaults", fold, 1) for fold in range(3)}
    for run, rows in results.items():
        _, judging = folds(file)[run.fold]
        assert rows.fraud.tolist() == (judging.frame["Class"] == 1).tolist()
        assert rows.weights.tolist() == judging.weights.tolist()


def test_a_recipe_is_trained_and_scores_the_judging_rows(
    file: File, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(RECIPES, "brief", replace(BASELINE, epochs=2))
    earlier, judging = folds(file)[0]
    scores = train_and_score("brief", earlier, judging, seed=1)
    assert scores.shape == (len(judging.frame),)
    assert 0 <= scores.min() < scores.max() <= 1


def test_trees_learn_from_weights(file: File) -> None:
    earlier, judging = folds(file)[2]
    rows, features = earlier.rows(), judging.rows().features
    scores = trees.scores(trees.TUNED, rows, features, seed=1)
    fraud = judging.frame["Class"].to_numpy() == 1
    assert np.median(scores[fraud]) > 10 * np.median(scores[~fraud])
    assert np.array_equal(scores, trees.scores(trees.TUNED, rows, features, seed=1))
    heavier = replace(rows, weights=np.where(rows.labels == 1, 100.0, 1.0))
    suspicious = trees.scores(trees.TUNED, heavier, features, seed=1)
    assert np.median(suspicious[~fraud]) > 2 * np.median(scores[~fraud])


def test_the_difference_of_a_random_split_is_that_of_the_means(file: File) -> None:
    lines = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in random_split(file, seeds=1).splitlines()[2:]
    ]
    assert [line[0] for line in lines] == ["a random fifth", "the last fifth", "difference"]
    chance, later, difference = (float(line[1]) for line in lines)
    assert difference == pytest.approx(chance - later, abs=0.0011)
    low, _, high = lines[2][3].split()
    assert float(low) <= difference <= float(high)


def test_without_lightgbm_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trees, "find_spec", lambda _name: None)
    with pytest.raises(BenchmarkError, match=r"pip install 'lightgbm>=4\.5'"):
        trees.check_installed()
