"""`fraudstream compare`: train every recipe, and see whether it gives what its author published."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fraudstream.options import CONTEXT, RecipeType, option, weights_option
from fraudstream.progress import progress_bar

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from model.comparison import Compared
    from model.evaluation import Evaluation
    from model.recipes.recipe import Recipe


@click.command(context_settings=CONTEXT)
@option(
    "--data",
    type=click.Path(path_type=Path),
    required=True,
    show_default=False,
    help="creditcard.csv, or rows of it: plain, .gz or .zip.",
)
@weights_option
@option(
    "--recipe",
    "recipes",
    type=RecipeType(),
    multiple=True,
    show_default="all that were published",
    help="What to train; may be repeated.",
)
@option("--seeds", type=click.IntRange(1, 100), default=3, help="How often each is trained.")
@option("--json", "as_json", is_flag=True, help="Print one JSON object for each figure, a line.")
def command(
    data: Path,
    weights: Path | None,
    recipes: tuple["Recipe", ...],
    seeds: int,
    as_json: bool,
) -> None:
    """Train the published recipes by their authors' protocols; print published and measured.

    A figure counts as published when it is as near as chance allows: the rows that judged here
    and there, and the spread of the seeds.

    \b
    Examples:
      fraudstream compare --data creditcard.csv
      fraudstream compare --data creditcard.csv --recipe prosise --seeds 10
    """
    from dataset.reader import read
    from dataset.weights import read_weights
    from model.comparison import compare
    from model.recipes import RECIPES

    frame = read(data)
    weight = None if weights is None else read_weights(weights, len(frame))
    chosen = recipes or tuple(recipe for recipe in RECIPES.values() if recipe.published)
    found: list[Compared] = []
    with progress_bar("Training", len(chosen) * seeds, unit="networks") as advance:
        for recipe in chosen:
            runs: list[Evaluation] = []
            for seed in range(1, seeds + 1):
                runs.append(_run(recipe, frame, weight, seed))
                advance(1)
            found += compare(recipe, runs)
    _print(found, as_json=as_json)


def _run(
    recipe: "Recipe", frame: "pd.DataFrame", weight: "NDArray[np.float64] | None", seed: int
) -> "Evaluation":
    from model.comparison import AUTHORS_THRESHOLD
    from model.evaluation import evaluate
    from model.metadata import Source
    from model.training import train

    trained = train(frame, source=Source(name=""), weights=weight, recipe=recipe, seed=seed)
    return evaluate(trained.judged, AUTHORS_THRESHOLD, resamples=1)


def _print(found: "list[Compared]", *, as_json: bool) -> None:
    if as_json:
        import msgspec

        for it in found:
            fields = msgspec.to_builtins(it) | {"verdict": it.verdict}
            click.echo(msgspec.json.encode(fields))
        return
    heads = ("recipe", "published in", "figure", "published", "measured", "of seeds", "verdict")
    rows = [heads] + [
        (
            it.recipe,
            it.where,
            it.figure,
            _value(it.published),
            _value(it.measured),
            f"{_value(it.lowest)} to {_value(it.highest)}",
            it.verdict,
        )
        for it in found
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


def _value(value: float) -> str:
    """Show a share with four significant digits where it is small, four decimals elsewhere."""
    return f"{value:.2e}" if 0 < value < 1e-2 else f"{value:.4f}"  # noqa: PLR2004
