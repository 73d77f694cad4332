"""`fraudstream evaluate`: evaluate an artifact on labelled transactions."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fraudstream.options import (
    CONTEXT,
    InputFile,
    PolicyType,
    json_option,
    model_option,
    option,
    weights_option,
)

if TYPE_CHECKING:
    from model.artifact.metadata import Metadata
    from model.evaluation.results import Evaluation
    from model.evaluation.threshold import Policy
    from model.labelled import Labelled


@click.command(context_settings=CONTEXT)
@option(
    "--data",
    type=InputFile(),
    required=True,
    show_default=False,
    help="creditcard.csv, or any file of its columns: plain, .gz or .zip.",
)
@weights_option
@model_option
@option(
    "--last",
    type=click.FloatRange(0, 1, min_open=True),
    metavar="SHARE",
    default=1.0,
    help="Evaluate only the last share of the transactions.",
)
@option(
    "--policy",
    type=PolicyType(),
    default=None,
    show_default="the artifact's threshold",
    help="Choose another threshold, as for 'fraudstream train', on these transactions.",
)
@option("--report", type=click.Path(path_type=Path), help="Write a report: FILE.html or FILE.png.")
@json_option
def command(
    data: Path,
    weights: Path | None,
    model: Path,
    last: float,
    policy: "Policy | None",
    report: Path | None,
    as_json: bool,
) -> None:
    """Evaluate an artifact on labelled transactions.

    Prints average precision with its interval, recall at two precisions, the frauds and amounts
    that the threshold catches and misses, alerts a day, and the calibration error.

    \b
    Examples:
      fraudstream evaluate --data later.csv
      fraudstream evaluate --data sample.csv --weights weights.csv --report report.html
      fraudstream evaluate --data later.csv --policy alerts-per-day:100

    \b
    An artifact of a recipe that holds out the last fifth, on that fifth:
      fraudstream evaluate --data creditcard.csv --model keras-imbalanced --last 0.2
    """
    import msgspec

    from model.evaluation.curve import OperatingCurve, Scored
    from model.evaluation.evaluate import evaluate
    from model.evaluation.threshold import choose
    from model.plots.report import check_report, write_report
    from model.serving.scorer import Scorer
    from model.store.store import artifact_in

    if report:
        check_report(report)
    rows = _rows(data, weights, last)
    scorer = Scorer.load(artifact_in(model))
    scored = Scored.of(rows, scorer.in_batches(rows.inputs))
    threshold = choose(OperatingCurve.of(scored), policy) if policy else scorer.metadata.threshold
    warning = _training_rows_warning(scorer.metadata, rows, data, last)
    evaluation = msgspec.structs.replace(evaluate(scored, threshold), warning=warning)
    if warning:
        print(f"Warning: {warning}", file=sys.stderr)
    if report:
        title = f"fraudstream {scorer.metadata.model_version} on {data.name}"
        write_report(report, scored, evaluation, title=title)
    _print(evaluation, as_json=as_json)


def _rows(data: Path, weights: Path | None, last: float) -> "Labelled":
    from dataset.reader import read
    from dataset.split import boundary
    from dataset.weights import read_weights
    from model.labelled import Labelled

    frame = read(data)
    weight = None if weights is None else read_weights(weights, len(frame))
    rows = Labelled.of(frame, weight)
    return rows if last == 1 else rows.take(slice(boundary(len(rows), last, weight), None))


def _training_rows_warning(
    metadata: "Metadata", rows: "Labelled", data: Path, last: float
) -> str | None:
    """Return a warning where the network was trained on some of the rows."""
    from dataset.reader import sha256
    from model.recipes import RECIPES
    from model.training.split import TEST_SHARE

    recipe = RECIPES.get(metadata.recipe)
    held_out = recipe and recipe.test == "later" and not metadata.refitted and last <= TEST_SHARE
    same_file = metadata.source.sha256 == sha256(data)
    if held_out or not (same_file or _has_training_row(metadata, rows)):
        return None
    return (
        f"This network was trained on rows of {data.name}, so these metrics are too good. Its "
        "model card has those on held-out rows."
    )


def _has_training_row(metadata: "Metadata", rows: "Labelled") -> bool:
    """Whether the rows have one of the metadata's sample, as another copy of the file has.

    The sample is spread over the rows from the first to the last. Unless the network was refitted,
    only the first one is certain to be outside the last fifth, which was held out.
    """
    import numpy as np

    inputs, sample = rows.inputs, np.asarray(metadata.sample.features, np.float32)
    trained_on = sample if metadata.refitted else sample[:1]
    return any((inputs == row).all(axis=1).any() for row in trained_on)


def _print(evaluation: "Evaluation", *, as_json: bool) -> None:
    import msgspec

    from fraudstream.tables import print_table
    from model.evaluation.evaluate import metrics_text

    if as_json:
        click.echo(msgspec.json.encode(evaluation))
        return
    rows = [
        ("rows", f"{evaluation.rows:,}"),
        ("transactions", f"{evaluation.transactions:,.0f}"),
        ("days", f"{evaluation.days:.2f}"),
        ("frauds", f"{evaluation.frauds:,}"),
        *metrics_text(evaluation),
    ]
    print_table(rows)
