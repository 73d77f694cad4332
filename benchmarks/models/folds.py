"""How good each recipe is on later transactions: `python -m benchmarks.models.folds --data FILE`.

Every recipe, and LightGBM beside them, learns from the first 40, 60 and 80 % of the transactions
and is judged on the fifth after those, by average precision. All judge the same rows, whatever
split their authors chose. Intervals are bootstrap intervals of the rows that judge; those of the
differences to the champion come from the same resamples of both.

With --variants, the champion is judged beside others that differ from it in one thing each.
With --random-split, LightGBM is judged on a random fifth and on the last one instead: how much
better a random split makes it look than it is on what comes next.

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
from dataclasses import dataclass
from itertools import product
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import report
from benchmarks.harness.command import errors_in_one_sentence
from benchmarks.models import trees
from benchmarks.models.judging import File, Part, folds, train_and_score, whole
from benchmarks.models.variants import VARIANTS
from dataset import split
from fraudstream.progress import progress_bar
from model.evaluation.curve import OperatingCurve, Scored, interval, resampled_average_precision
from model.evaluation.evaluate import calibration_error, reliability
from model.recipes import RECIPES
from model.recipes.champion import CHAMPION
from model.training.split import TEST_SHARE, at_random


@dataclass(frozen=True, slots=True)
class Run:
    """One training, and which fold judges it."""

    model: str
    fold: int
    seed: int


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """What became of a model.

    Attributes:
        precision: average precision, [folds, seeds].
        resampled: the mean over folds and seeds in each resample, [resamples].
        calibration: expected calibration error, [folds, seeds].
    """

    precision: NDArray[np.float64]
    resampled: NDArray[np.float64]
    calibration: NDArray[np.float64]


def scored(file: File, run: Run) -> Scored:
    """Return the judging rows with the scores of a training of its own; called in a process."""
    earlier, judging = folds(file)[run.fold]
    scores = train_and_score(run.model, earlier, judging, run.seed)
    return Scored.of(judging.frame, scores, judging.weights)


def judged(found: dict[Run, Scored], models: Sequence[str], seeds: int) -> dict[str, Judged]:
    """Return what became of each model.

    Args:
        found: of each model, fold and seed, from 1 up.
        models: their names.
        seeds: how many.
    """
    precisions, resampled, calibrations = [], [], []
    numbers = range(len(split.LATER_SHARES))
    with progress_bar("Resampling", len(numbers), unit="folds") as advance:
        for fold in numbers:
            rows = [found[Run(*it)] for it in product(models, [fold], range(1, seeds + 1))]
            each = np.array([OperatingCurve.of(it).average_precision for it in rows])
            precisions.append(each.reshape(len(models), seeds))
            errors = np.array([calibration_error(reliability(it)) for it in rows])
            calibrations.append(errors.reshape(len(models), seeds))
            drawn = resampled_average_precision(rows, seed=fold)
            resampled.append(drawn.reshape(len(models), seeds, -1).mean(axis=1))
            advance(1)
    by_model = (np.stack(precisions, 1), np.mean(resampled, axis=0), np.stack(calibrations, 1))
    return {model: Judged(*them) for model, *them in zip(models, *by_model, strict=True)}


def table(results: dict[str, Judged]) -> str:
    """Return a line for each model, the best one first."""
    champion = results[CHAMPION.name]
    lines = []
    for model, it in sorted(results.items(), key=lambda pair: -pair[1].precision.mean()):
        of_seeds = it.precision.mean(axis=0)
        difference = it.precision.mean() - champion.precision.mean()
        apart = interval(it.resampled - champion.resampled)
        is_champion = model == CHAMPION.name
        lines.append(
            [
                model,
                *(f"{value:.3f}" for value in it.precision.mean(axis=1)),
                f"{it.precision.mean():.3f}",
                f"{of_seeds.std(ddof=1):.3f}" if len(of_seeds) > 1 else "",
                "{:.3f} to {:.3f}".format(*interval(it.resampled)),
                "" if is_champion else f"{difference:+.3f}",
                "" if is_champion else "{:+.3f} to {:+.3f}".format(*apart),
                f"{it.calibration.mean():.5f}",
            ]
        )
    learned = (f"after {100 - 100 * share:.0f} %" for share in split.LATER_SHARES)
    shown = ["mean", "deviation of seeds", "95 % interval", "less the champion", "95 % interval"]
    headers = ["model", *learned, *shown, "calibration error"]
    return report.table(headers, lines, align="lr", padded=True)


def trained(file: File, models: Sequence[str], seeds: int) -> dict[Run, Scored]:
    """Train all, a process on each core, a thread in each process."""
    runs = [Run(*it) for it in product(models, range(len(folds(file))), range(1, seeds + 1))]
    found: dict[Run, Scored] = {}
    pool = ProcessPoolExecutor(report.cores(), get_context("spawn"), _prepare_process)
    try:
        with progress_bar("Training", len(runs), unit="models") as advance:
            jobs = {pool.submit(scored, file, run): run for run in runs}
            for job in as_completed(jobs):
                found[jobs[job]] = job.result()
                advance(1)
    finally:
        pool.shutdown(cancel_futures=True)
    return found


def _prepare_process() -> None:
    """Have a process compute in one thread, on the CPU, and end silently at Ctrl-C."""
    os.environ.update(TF_NUM_INTRAOP_THREADS="1", TF_NUM_INTEROP_THREADS="1")
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def random_split(file: File, seeds: int) -> str:
    """Return what tuned trees come to on random fifths, one for each seed, and on the last one."""
    rows = whole(file)
    begin = len(split.split_by_time(rows.frame, TEST_SHARE, rows.weights)[0])
    last = np.arange(begin), np.arange(begin, len(rows.frame))
    found: list[Scored] = []
    with progress_bar("Training", 2 * seeds, unit="models") as advance:
        for seed in range(1, seeds + 1):
            for learned, judging in (at_random(rows.frame, seed), last):
                found.append(_scored_at(judging, rows, rows.at(learned), seed))
                advance(1)
    precision = np.array([OperatingCurve.of(it).average_precision for it in found])
    by_chance, by_time = precision.reshape(seeds, 2).T
    drawn = resampled_average_precision(found).reshape(seeds, 2, -1).mean(axis=0)
    lines = [
        [
            name,
            f"{values.mean():.3f}",
            f"{values.min():.3f} to {values.max():.3f}",
            "{:.3f} to {:.3f}".format(*interval(resampled)),
        ]
        for name, values, resampled in (
            ("a random fifth", by_chance, drawn[0]),
            ("the last fifth", by_time, drawn[1]),
        )
    ]
    difference = by_chance.mean() - by_time.mean()
    apart = "{:+.3f} to {:+.3f}".format(*interval(drawn[0] - drawn[1]))
    lines.append(["difference", f"{difference:+.3f}", "", apart])
    heads = ["LightGBM judged on", "average precision", "of seeds", "95 % interval"]
    return report.table(heads, lines, align="lr", padded=True)


def _scored_at(places: NDArray[np.intp], rows: Part, learned: Part, seed: int) -> Scored:
    """Return all rows, those at these places with a score and the others without any weight.

    So that parts of one file can be resampled together.
    """
    judging = rows.at(places)
    scores, weights = np.zeros(len(rows.frame)), np.zeros(len(rows.frame))
    scores[places] = train_and_score("lightgbm", learned, judging, seed)
    weights[places] = judging.weights
    return Scored.of(rows.frame, scores, weights)


def run(arguments: argparse.Namespace) -> str:
    """Measure, and return the report's section."""
    machine, begin = report.machine(), time.monotonic()
    trees.check_installed()
    file = File(arguments.data, arguments.weights)
    if arguments.random_split:
        text = random_split(file, arguments.seeds)
    else:
        others = VARIANTS if arguments.variants else [*(arguments.recipe or RECIPES), *trees.TREES]
        models = [*dict.fromkeys([CHAMPION.name, *others])]
        text = table(judged(trained(file, models, arguments.seeds), models, arguments.seeds))
        frauds = [f"{judging.frame['Class'].sum():,}" for _, judging in folds(file)]
        text += f"\n\nFrauds among the rows that judge: {', '.join(frauds)}."
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
        help="beside the champion and LightGBM; all unless told otherwise",
    )
    parser.add_argument("--seeds", type=int, choices=range(1, 101), default=3, metavar="COUNT")
    other = parser.add_mutually_exclusive_group()
    other.add_argument("--variants", action="store_true", help="what the champion's choices do")
    other.add_argument("--random-split", action="store_true", help="what a random split hides")
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
