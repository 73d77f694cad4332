"""`fraudstream train`: learn a network from labelled transactions and write its artifact."""

import sys
import time
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dataset.columns import ROWS
from fraudstream.options import (
    CONTEXT,
    PolicyType,
    RecipeType,
    model_option,
    option,
    weights_option,
)
from fraudstream.progress import progress_bar

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from model.artifact.metadata import DataSource, Metadata
    from model.evaluation.threshold import Policy
    from model.recipes.recipe import Recipe

TWIN_SEED = 1


@click.command(context_settings=CONTEXT)
@option(
    "--data",
    type=click.Path(path_type=Path),
    show_default=f"the synthetic twin, {ROWS:,} rows",
    help="creditcard.csv to learn from, plain, .gz or .zip.",
)
@weights_option
@model_option
@option(
    "--policy",
    type=PolicyType(),
    default="f1",
    help="What the threshold is chosen for: f1, cost:REVIEW, precision:SHARE, recall:SHARE or "
    "alerts-per-day:NUMBER.",
)
@option("--seed", type=click.IntRange(0, 2**32 - 1), default=1, help="Of all randomness.")
@option(
    "--epochs",
    type=click.IntRange(1, 1000),
    default=None,
    show_default="as the recipe says",
    help="How often each row is learned from, at most.",
)
@option(
    "--recipe",
    type=RecipeType(),
    default="champion",
    help="What is trained; 'fraudstream recipes' lists them.",
)
@option(
    "--refit/--no-refit",
    default=None,
    show_default="as the recipe says",
    help="Once judged, learn from the rows that judged as well; without, 'fraudstream evaluate "
    "--last 0.2' can judge it on them again.",
)
@option(
    "--pictures/--no-pictures",
    default=True,
    help="Draw the rows, the training and the judgement for the model card.",
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
    pictures: bool,
) -> None:
    """Train a recipe, choose a threshold, and write both as an artifact.

    The artifact is a folder: the network with its preprocessing inside, metadata.json, and a model
    card. The default recipe, the champion, is judged on the last 20 % of the rows, in the order of
    time, and then learns from those too; others are judged as their authors did. An older artifact
    in the folder is replaced once the new one is complete.

    \b
    Without data, on the synthetic twin of creditcard.csv:
      fraudstream train

    \b
    On the real file, into a folder of its own:
      fraudstream data download --out creditcard.csv
      fraudstream train --data creditcard.csv --model champion
      fraudstream detect --model champion

    \b
    As others did:
      fraudstream train --data creditcard.csv --recipe keras-imbalanced --model keras-imbalanced

    \b
    So that a review of an alert, at 10 each, costs less than the frauds it finds:
      fraudstream train --data creditcard.csv --policy cost:10
    """
    from model.artifact.save import check_replaceable
    from model.plots import initial_bias as bias
    from model.serving.backend import import_keras
    from model.training.train import train_and_save

    if refit is not None:
        recipe = replace(recipe, refitted=refit)
    check_replaceable(model)
    started = time.monotonic()
    try:
        frame, source = _rows(data)
        weight = _weights(weights, data, len(frame))
        import_keras()
        drawn = pictures and _can_draw()
        total = (epochs or recipe.epochs) * (2 if recipe.refitted else 1)
        total += bias.trained_epochs(recipe) if drawn else 0
        with progress_bar("Training", total=total, unit="epochs") as advance:
            metadata = train_and_save(
                frame,
                model,
                source=source,
                weights=weight,
                recipe=recipe,
                policy=policy,
                seed=seed,
                epochs=epochs,
                progress=advance,
                pictures=drawn,
            )
    except KeyboardInterrupt:
        print("Training was stopped; nothing was written.", file=sys.stderr)
        raise
    _print(metadata, model, time.monotonic() - started)


def _rows(data: Path | None) -> tuple["pd.DataFrame", "DataSource"]:
    """Return the rows to learn from and what they are."""
    from model.artifact.metadata import DataSource

    if data is None:
        from dataset.twin import synthesize

        print(
            f"No --data was given: training on the synthetic twin of creditcard.csv ({ROWS:,} "
            "rows, no real transactions).",
            file=sys.stderr,
        )
        with progress_bar("Making the twin", total=ROWS, unit="rows") as advance:
            frame = synthesize(ROWS, TWIN_SEED, advance=advance)
        name = f"the synthetic twin of creditcard.csv, seed {TWIN_SEED}"
        return frame, DataSource(name=name, synthetic=True)

    from dataset.reader import read

    return read(data), DataSource.of(data)


def _can_draw() -> bool:
    if find_spec("matplotlib"):
        return True
    print("No pictures: pip install 'fraudstream[pictures]' brings what draws.", file=sys.stderr)
    return False


def _weights(path: Path | None, data: Path | None, rows: int) -> "NDArray[np.float64] | None":
    if path is None:
        return None
    if data is None:
        raise click.UsageError("--weights needs the --data that its lines belong to.")
    from dataset.weights import read_weights

    return read_weights(path, rows)


def _print(metadata: "Metadata", model: Path, seconds: float) -> None:
    """Say what was learned, how good it is, and what to type next."""
    from fraudstream.tables import print_table
    from model.evaluation.evaluate import figures_table

    figures = metadata.held_out
    told = {True: " (synthetic)", False: " (the published file)", None: ""}
    lines = {
        "data": f"{metadata.source.name}{told[metadata.source.synthetic]}",
        "recipe": metadata.recipe,
        "rows": f"{metadata.rows:,}",
        "transactions": f"{metadata.transactions:,.0f}",
        "frauds": f"{metadata.frauds:,}",
        "held out": f"{figures.rows:,} rows, {figures.frauds:,} frauds",
        **dict(figures_table(figures)),
        "seconds": f"{seconds:.1f}",
        "artifact": f"{model} (version {metadata.model_version})",
    }
    print_table(lines.items())
    print(f"\nNext: fraudstream detect --model {model}")
