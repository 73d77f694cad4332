"""`fraudstream evaluate`: judge an artifact on labelled transactions."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fraudstream.options import (
    CONTEXT,
    PolicyType,
    json_option,
    model_option,
    option,
    weights_option,
)

if TYPE_CHECKING:
    from model.artifact.metadata import Metadata
    from model.evaluation.evaluate import Evaluation
    from model.evaluation.threshold import Policy


@click.command(context_settings=CONTEXT)
@option(
    "--data",
    type=click.Path(path_type=Path),
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
    help="Judge only the last share of the transactions.",
)
@option(
    "--policy",
    type=PolicyType(),
    default=None,
    show_default="the artifact's threshold",
    help="Choose another threshold, as for 'fraudstream train', on these very transactions.",
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
    """Judge an artifact on transactions whose frauds are known.

    Average precision with its interval, recall at a precision, what the threshold catches and
    misses in frauds and money, alerts a day, and whether scores are probabilities.

    \b
    Examples:
      fraudstream evaluate --data later.csv
      fraudstream evaluate --data sample.csv --weights weights.csv --report report.html
      fraudstream evaluate --data later.csv --policy alerts-per-day:100

    \b
    An artifact of a recipe that keeps the last fifth apart, on that fifth:
      fraudstream evaluate --data creditcard.csv --model keras-imbalanced --last 0.2
    """
    from dataset.reader import read
    from dataset.split import split_by_time
    from model.evaluation.curve import OperatingCurve, Scored
    from model.evaluation.evaluate import evaluate
    from model.evaluation.threshold import choose
    from model.plots.report import check_report, write_report
    from model.serving.scorer import Scorer

    if report:
        check_report(report)
    frame = read(data)
    weight = None
    if weights is not None:
        from dataset.weights import read_weights

        weight = read_weights(weights, len(frame))
    if last < 1:
        frame = split_by_time(frame, last, weight)[1]
        weight = None if weight is None else weight[-len(frame) :]
    scorer = Scorer.load(model)
    _warn_of_learned(scorer.metadata, data, last)
    rows = Scored.of(frame, scorer.in_batches(frame), weight)
    threshold = choose(OperatingCurve.of(rows), policy) if policy else scorer.metadata.threshold
    figures = evaluate(rows, threshold)
    if report:
        title = f"fraudstream {scorer.metadata.model_version} on {data.name}"
        write_report(report, rows, figures, title=title)
    _print(figures, as_json=as_json)


def _warn_of_learned(metadata: "Metadata", data: Path, last: float) -> None:
    """Say so where rows that the network learned from would flatter it."""
    from dataset.reader import sha256
    from model.recipes import RECIPES
    from model.training.split import TEST_SHARE

    recipe = RECIPES.get(metadata.recipe)
    apart = recipe and recipe.test == "later" and not metadata.refitted and last <= TEST_SHARE
    if not apart and metadata.source.sha256 == sha256(data):
        print(
            f"Beware: this network learned from rows of {data.name}, so these figures flatter it. "
            "Its model card has those of rows that it had not seen.",
            file=sys.stderr,
        )


def _print(figures: "Evaluation", *, as_json: bool) -> None:
    import msgspec

    from fraudstream.tables import print_table
    from model.evaluation.evaluate import figures_table

    if as_json:
        click.echo(msgspec.json.encode(figures))
        return
    rows = [
        ("rows", f"{figures.rows:,}"),
        ("transactions", f"{figures.transactions:,.0f}"),
        ("days", f"{figures.days:.2f}"),
        ("frauds", f"{figures.frauds:,}"),
        *figures_table(figures),
    ]
    print_table(rows)
