"""Quality of each recipe on later transactions: `python -m benchmarks.models.folds --data FILE`.

Every recipe, and LightGBM, is trained on the first 40, 60 and 80 % of the transactions and tested
on the fifth after those, by average precision. All are tested on the same rows, whatever split
their authors chose. Intervals are bootstrap intervals of the test rows; those of the differences
from the champion come from the same resamples of both.

With --variants, the champion is compared with variants that differ from it in one thing each.
With --random-split, LightGBM is tested on a random fifth and on the last one: how much a random
split overstates the quality on later transactions.

  python -m benchmarks.models.folds --data creditcard.csv --report docs/recipes.md
  python -m benchmarks.models.folds --data creditcard.csv --recipe prosise --seeds 10
  python -m benchmarks.models.folds --data creditcard.csv --variants
  python -m benchmarks.models.folds --data creditcard.csv --random-split
"""

import argparse
import os
import signal
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from itertools import product
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import report
from benchmarks.harness.command import errors_in_one_sentence
from benchmarks.models import trees
from benchmarks.models.training import DataFile, all_rows, folds, train_and_score
from benchmarks.models.variants import VARIANTS
from dataset.split import LATER_SHARES, boundary
from fraudstream.progress import progress_bar
from model.artifact import markdown
from model.evaluation.curve import OperatingCurve, Scored, interval, resampled_average_precision
from model.evaluation.evaluate import calibration_error, reliability
from model.labelled import Labelled
from model.recipes import RECIPES
from model.recipes.champion import CHAMPION
from model.training.split import TEST_SHARE, at_random


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """One training, and the fold that it is for."""

    model: str
    fold: int
    seed: int


@dataclass(frozen=True, slots=True, eq=False)
class ModelResult:
    """The results of a model.

    Attributes:
        precision: average precision, [folds, seeds].
        resampled: its mean over folds and seeds in each resample, [resamples].
        calibration: expected calibration error, [folds, seeds].
    """

    precision: NDArray[np.float64]
    resampled: NDArray[np.float64]
    calibration: NDArray[np.float64]


def scored(file: DataFile, run: TrainingRun) -> Scored:
    """Train, and return the fold's test rows with their scores; called in a worker process."""
    earlier, test = folds(file)[run.fold]
    return Scored.of(test, train_and_score(run.model, earlier, test, run.seed))


def results(
    scores: dict[TrainingRun, Scored], models: Sequence[str], seeds: int
) -> dict[str, ModelResult]:
    """Return the result of each model.

    Args:
        scores: of each model, fold and seed, from 1 up.
        models: their names.
        seeds: how many.
    """
    precisions, resampled, calibrations = [], [], []
    numbers = range(len(LATER_SHARES))
    with progress_bar("Resampling", len(numbers), unit="folds") as advance:
        for fold in numbers:
            rows = [
                scores[TrainingRun(model, fold, seed)]
                for model, seed in product(models, range(1, seeds + 1))
            ]
            each = np.array([OperatingCurve.of(part).average_precision for part in rows])
            precisions.append(each.reshape(len(models), seeds))
            errors = np.array([calibration_error(reliability(part)) for part in rows])
            calibrations.append(errors.reshape(len(models), seeds))
            drawn = resampled_average_precision(rows, seed=fold)
            resampled.append(drawn.reshape(len(models), seeds, -1).mean(axis=1))
            advance(1)
    by_model = (np.stack(precisions, 1), np.mean(resampled, axis=0), np.stack(calibrations, 1))
    return {model: ModelResult(*arrays) for model, *arrays in zip(models, *by_model, strict=True)}


def table(by_model: dict[str, ModelResult]) -> str:
    """Return a Markdown table with a line for each model, the best one first."""
    champion = by_model[CHAMPION.name]
    lines = []
    for model, result in sorted(by_model.items(), key=lambda pair: -pair[1].precision.mean()):
        of_seeds = result.precision.mean(axis=0)
        difference = result.precision.mean() - champion.precision.mean()
        difference_interval = interval(result.resampled - champion.resampled)
        is_champion = model == CHAMPION.name
        lines.append(
            [
                model,
                *(f"{value:.3f}" for value in result.precision.mean(axis=1)),
                f"{result.precision.mean():.3f}",
                f"{of_seeds.std(ddof=1):.3f}" if len(of_seeds) > 1 else "",
                "{:.3f} to {:.3f}".format(*interval(result.resampled)),
                "" if is_champion else f"{difference:+.3f}",
                "" if is_champion else "{:+.3f} to {:+.3f}".format(*difference_interval),
                f"{result.calibration.mean():.5f}",
            ]
        )
    folds_shown = (f"after {100 - 100 * share:.0f} %" for share in LATER_SHARES)
    metrics = ["mean", "deviation of seeds", "95 % interval", "less the champion", "95 % interval"]
    headers = ["model", *folds_shown, *metrics, "calibration error"]
    return markdown.table(headers, lines, align="lr", padded=True)


def trained(file: DataFile, models: Sequence[str], seeds: int) -> dict[TrainingRun, Scored]:
    """Train all models, one process on each core, one thread in each process."""
    runs = [
        TrainingRun(*run) for run in product(models, range(len(folds(file))), range(1, seeds + 1))
    ]
    scores: dict[TrainingRun, Scored] = {}
    pool = ProcessPoolExecutor(report.cores(), get_context("spawn"), _prepare_process)
    try:
        with progress_bar("Training", len(runs), unit="models") as advance:
            jobs = {pool.submit(scored, file, run): run for run in runs}
            for job in as_completed(jobs):
                scores[jobs[job]] = job.result()
                advance(1)
    finally:
        pool.shutdown(cancel_futures=True)
    return scores


def _prepare_process() -> None:
    """Limit a worker to one thread on the CPU, and let Ctrl-C end it silently."""
    os.environ.update(TF_NUM_INTRAOP_THREADS="1", TF_NUM_INTEROP_THREADS="1")
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def random_split(file: DataFile, seeds: int) -> str:
    """Return a table of tuned trees on random fifths, one for each seed, and on the last fifth."""
    rows = all_rows(file)
    begin = boundary(len(rows), TEST_SHARE, rows.weights)
    last = np.arange(begin), np.arange(begin, len(rows))
    scores: list[Scored] = []
    with progress_bar("Training", 2 * seeds, unit="models") as advance:
        for seed in range(1, seeds + 1):
            for train, test in (at_random(rows, seed), last):
                scores.append(_scored_test_rows(rows, train, test, seed))
                advance(1)
    precision = np.array([OperatingCurve.of(part).average_precision for part in scores])
    at_random_precision, last_precision = precision.reshape(seeds, 2).T
    drawn = resampled_average_precision(scores).reshape(seeds, 2, -1).mean(axis=0)
    lines = [
        [
            name,
            f"{values.mean():.3f}",
            f"{values.min():.3f} to {values.max():.3f}",
            "{:.3f} to {:.3f}".format(*interval(resampled)),
        ]
        for name, values, resampled in (
            ("a random fifth", at_random_precision, drawn[0]),
            ("the last fifth", last_precision, drawn[1]),
        )
    ]
    difference = at_random_precision.mean() - last_precision.mean()
    difference_interval = "{:+.3f} to {:+.3f}".format(*interval(drawn[0] - drawn[1]))
    lines.append(["difference", f"{difference:+.3f}", "", difference_interval])
    headers = ["LightGBM tested on", "average precision", "of seeds", "95 % interval"]
    return markdown.table(headers, lines, align="lr", padded=True)


def _scored_test_rows(
    rows: Labelled, train: NDArray[np.intp], test: NDArray[np.intp], seed: int
) -> Scored:
    """Return all rows, the test rows with their scores and the others with weight 0.

    So different parts of one file can be resampled together.
    """
    scores, weights = np.zeros(len(rows)), np.zeros(len(rows))
    scores[test] = train_and_score("lightgbm", rows.take(train), rows.take(test), seed)
    weights[test] = rows.weights[test]
    return Scored.of(replace(rows, weights=weights), scores)


def run(arguments: argparse.Namespace) -> str:
    """Measure, and return the report's section."""
    machine, begin = report.machine(), time.monotonic()
    trees.check_installed()
    file = DataFile(arguments.data, arguments.weights)
    if arguments.random_split:
        text = random_split(file, arguments.seeds)
    else:
        others = VARIANTS if arguments.variants else [*(arguments.recipe or RECIPES), *trees.TREES]
        models = [*dict.fromkeys([CHAMPION.name, *others])]
        scores = trained(file, models, arguments.seeds)
        text = table(results(scores, models, arguments.seeds))
        frauds = [f"{test.labels.sum():,.0f}" for _, test in folds(file)]
        text += f"\n\nFrauds among the test rows: {', '.join(frauds)}."
    minutes = (time.monotonic() - begin) / 60
    return f"{text}\n\n{arguments.seeds} seeds, {minutes:.0f} minutes on {machine}."


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.models.folds",
        description=(__doc__ or "").partition("\n\n")[2],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True, metavar="FILE", help="creditcard.csv")
    parser.add_argument(
        "--weights", type=Path, metavar="FILE", help="how many transactions each row stands for"
    )
    parser.add_argument(
        "--recipe",
        nargs="+",
        choices=RECIPES,
        metavar="NAME",
        help="beside the champion and LightGBM; default: all",
    )
    parser.add_argument("--seeds", type=int, choices=range(1, 101), default=3, metavar="COUNT")
    other = parser.add_mutually_exclusive_group()
    other.add_argument("--variants", action="store_true", help="measure the champion's choices")
    other.add_argument(
        "--random-split", action="store_true", help="measure the effect of a random split"
    )
    parser.add_argument("--report", type=Path, metavar="FILE", help="page to write the table to")
    return parser


def main() -> None:
    """Measure, print, write."""
    arguments = parser().parse_args()
    with errors_in_one_sentence():
        text = run(arguments)
        print(text)
        if arguments.report:
            kinds = {"random-split": arguments.random_split, "variants": arguments.variants}
            section = next((kind for kind, chosen in kinds.items() if chosen), "folds")
            report.write_section(arguments.report, section, text)


if __name__ == "__main__":
    main()
