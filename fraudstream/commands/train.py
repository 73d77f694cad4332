"""`fraudstream train`: train a network on labelled transactions, a new version of the model."""

import sys
import time
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dataset.columns import ROWS
from fraudstream.options import (
    CONTEXT,
    InputFile,
    PolicyType,
    RecipeType,
    model_option,
    option,
    weights_option,
)
from fraudstream.progress import progress_bar

if TYPE_CHECKING:
    from fraudstream.destination import Saved
    from model.artifact.metadata import DataSource, Metadata
    from model.evaluation.threshold import Policy
    from model.labelled import Labelled
    from model.recipes.recipe import Recipe

TWIN_SEED = 1


@click.command(context_settings=CONTEXT)
@option(
    "--data",
    type=InputFile(),
    show_default=f"the synthetic twin, {ROWS:,} rows",
    help="creditcard.csv to train on, plain, .gz or .zip.",
)
@weights_option
@model_option
@option(
    "--policy",
    type=PolicyType(),
    default="f1",
    help="How the threshold is chosen: f1, cost:REVIEW, precision:SHARE, recall:SHARE, "
    "alerts-per-day:NUMBER, or the threshold itself.",
)
@option("--seed", type=click.IntRange(0, 2**32 - 1), default=1, help="Of all randomness.")
@option(
    "--epochs",
    type=click.IntRange(1, 1000),
    default=None,
    show_default="as the recipe says",
    help="Epochs to train, at most.",
)
@option(
    "--recipe",
    type=RecipeType(),
    default="champion",
    help="Recipe to train; 'fraudstream recipes' lists them.",
)
@option(
    "--refit/--no-refit",
    default=None,
    show_default="as the recipe says",
    help="Once evaluated, train again on all rows, held-out ones included; without, 'fraudstream "
    "evaluate --last 0.2' can evaluate the network on them again.",
)
@option(
    "--prior",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    metavar="SHARE",
    default=None,
    show_default="that of the rows",
    help="Share of frauds among the transactions to score, for example 0.0017, where --data has "
    "another one; corrects scores, metrics and threshold.",
)
@option(
    "--pictures/--no-pictures",
    default=True,
    help="Plot the rows, the training and the evaluation for the model card.",
)
def command(
    data: Path | None,
    weights: Path | None,
    model: Path,
    policy: "Policy",
    seed: int,
    epochs: int | None,
    recipe: "Recipe",
    refit: bool | None,
    prior: float | None,
    pictures: bool,
) -> None:
    """Train a recipe, choose a threshold, and add both to the model store as a new version.

    A version is an artifact: the network with its preprocessing inside, metadata.json, and a model
    card. The default recipe, the champion, is evaluated on the last 20 % of the rows, in the order
    of time, and then trained again on all rows; others are evaluated as their authors did.

    The first version in a store becomes its champion, which `detect` serves; later ones wait until
    `fraudstream models promote` makes them champion. Where --model is the folder of a single
    artifact, that artifact is replaced once the new one is complete.

    \b
    Without data, on the synthetic twin of creditcard.csv:
      fraudstream train

    \b
    On the real file, into a store of its own:
      fraudstream data download --out creditcard.csv
      fraudstream train --data creditcard.csv --model real
      fraudstream detect --model real

    \b
    A published recipe:
      fraudstream train --data creditcard.csv --recipe keras-imbalanced

    \b
    With the threshold at which missed frauds and reviews, at 10 each, cost least:
      fraudstream train --data creditcard.csv --policy cost:10

    \b
    On a copy in which half of the rows are frauds, for payments of which 0.17 % are:
      fraudstream train --data balanced.csv --prior 0.0017
    """
    from fraudstream.destination import check_destination, saved_in
    from model.pipeline import planned_epochs, train_and_save
    from model.serving.backend import import_keras
    from model.training.plan import TrainingPlan

    check_destination(model)
    started = time.monotonic()
    try:
        rows, source = _rows(data, weights)
        _warn_of_share(rows, prior)
        import_keras()
        plan = TrainingPlan(
            recipe=recipe,
            policy=policy,
            seed=seed,
            epochs=epochs,
            refit=refit,
            prior=prior,
            plots=pictures and _can_plot(),
        )
        with progress_bar("Training", total=planned_epochs(plan), unit="epochs") as advance:
            result = saved_in(
                model, partial(train_and_save, rows, plan, source=source, progress=advance)
            )
    except KeyboardInterrupt:
        print("Training was stopped; nothing was written.", file=sys.stderr)
        raise
    _print(result, time.monotonic() - started)


def _rows(data: Path | None, weights: Path | None) -> tuple["Labelled", "DataSource"]:
    """Return the rows to train on, and their source."""
    from model.labelled import Labelled

    if data is None:
        if weights is not None:
            raise click.UsageError("--weights needs the --data that its lines belong to.")
        return _twin()

    from dataset.reader import read
    from dataset.weights import read_weights
    from model.training.source import describe

    frame, source = read(data), describe(data)
    return Labelled.of(frame, read_weights(weights, len(frame)) if weights else None), source


def _warn_of_share(rows: "Labelled", prior: float | None) -> None:
    """Warn of rows with too many frauds, before time is spent on training."""
    from model.evaluation.prevalence import share_warning

    warning = share_warning(rows.frauds / rows.transactions)
    if prior is None and warning:
        print(f"Warning: {warning}", file=sys.stderr)
        print(
            "Hint: `--prior SHARE` corrects scores and threshold for the share among the "
            "transactions to score.",
            file=sys.stderr,
        )


def _warn_of_precision(metadata: "Metadata") -> None:
    """Warn of a precision that was measured on too many frauds, or too few legitimate rows."""
    from model.evaluation.prevalence import (
        USUAL_SHARE,
        few_rows_warning,
        fraud_share,
        precision_at,
        share_warning,
    )

    if metadata.prior is not None:
        warning = few_rows_warning(metadata.held_out, metadata.prior)
        if warning:
            print(f"Warning: {warning}", file=sys.stderr)
        return
    held_out, share = metadata.held_out, fraud_share(metadata.held_out)
    if share_warning(share):
        print(
            f"Warning: precision was measured with {share:.1%} of frauds; with "
            f"{USUAL_SHARE:.2%}, as among real payments, it would be "
            f"{precision_at(held_out, USUAL_SHARE):.3f} at this threshold. `--prior SHARE` "
            "corrects that.",
            file=sys.stderr,
        )


def _twin() -> tuple["Labelled", "DataSource"]:
    from dataset.twin import synthesize
    from model.artifact.metadata import DataSource
    from model.labelled import Labelled

    print(
        f"No --data was given: training on the synthetic twin of creditcard.csv ({ROWS:,} "
        "rows, no real transactions).",
        file=sys.stderr,
    )
    with progress_bar("Making the twin", total=ROWS, unit="rows") as advance:
        frame = synthesize(ROWS, TWIN_SEED, advance=advance)
    name = f"the synthetic twin of creditcard.csv, seed {TWIN_SEED}"
    return Labelled.of(frame), DataSource(name=name, synthetic=True)


def _can_plot() -> bool:
    if find_spec("matplotlib"):
        return True
    print("No plots: pip install 'fraudstream[pictures]' adds matplotlib.", file=sys.stderr)
    return False


def _print(saved: "Saved", seconds: float) -> None:
    """Print the data, the metrics, and the next command."""
    from fraudstream.tables import print_table
    from model.evaluation.evaluate import metrics_text

    metadata, held_out = saved.metadata, saved.metadata.held_out
    kinds = {True: " (synthetic)", False: " (the published file)", None: ""}
    lines = {
        "data": f"{metadata.source.name}{kinds[metadata.source.synthetic]}",
        "recipe": metadata.recipe,
        "rows": f"{metadata.rows:,}",
        "transactions": f"{metadata.transactions:,.0f}",
        "frauds": f"{metadata.frauds:,}",
        **({"prior": f"{metadata.prior:.3g}"} if metadata.prior else {}),
        "held out": f"{held_out.rows:,} rows, {held_out.frauds:,} frauds",
        **dict(metrics_text(held_out)),
        "seconds": f"{seconds:.1f}",
        "version": f"{metadata.model_version} in {saved.folder}",
    }
    print_table(lines.items())
    _warn_of_precision(metadata)
    print(f"\nNext: fraudstream {saved.next_command} --model {saved.folder}")
