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
    from model.evaluation.results import Evaluation
    from model.evaluation.threshold import Policy


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

    from fraudstream.labelled_rows import labelled_rows, training_rows_warning
    from model.evaluation.curve import OperatingCurve, Scored
    from model.evaluation.evaluate import evaluate
    from model.evaluation.threshold import choose
    from model.plots.report import check_report, write_report
    from model.serving.scorer import Scorer
    from model.store.location import artifact_in

    if report:
        check_report(report)
    rows = labelled_rows(data, weights, last)
    scorer = Scorer.load(artifact_in(model), runtime="keras")
    scored = Scored.of(rows, scorer.in_batches(rows.inputs))
    threshold = choose(OperatingCurve.of(scored), policy) if policy else scorer.metadata.threshold
    warning = training_rows_warning(scorer.metadata, rows, data, last)
    evaluation = msgspec.structs.replace(evaluate(scored, threshold), warning=warning)
    if warning:
        print(f"Warning: {warning}", file=sys.stderr)
    if report:
        title = f"fraudstream {scorer.metadata.model_version} on {data.name}"
        write_report(report, scored, evaluation, title=title)
    _print(evaluation, as_json=as_json)


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
