"""`fraudstream compare`: train every recipe, and see whether it gives what its author published."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fraudstream.options import CONTEXT, RecipeType, json_option, option, weights_option
from fraudstream.progress import progress_bar

if TYPE_CHECKING:
    from model.evaluation.comparison import Compared
    from model.evaluation.evaluate import Evaluation
    from model.recipes.recipe import Recipe
    from model.training.train import Trained


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
    show_default="all that were published; with --models, all",
    help="What to train; may be repeated.",
)
@option("--seeds", type=click.IntRange(1, 100), default=3, help="How often each is trained.")
@option(
    "--models",
    type=click.Path(path_type=Path),
    help="Folder where the first network of each recipe is kept, as the artifact FOLDER/RECIPE, "
    "with pictures of it alone and beside the others.",
)
@json_option
def command(
    data: Path,
    weights: Path | None,
    recipes: tuple["Recipe", ...],
    seeds: int,
    models: Path | None,
    as_json: bool,
) -> None:
    """Train the published recipes by their authors' protocols; print published and measured.

    A figure counts as published when it is as near as chance allows: the rows that judged here
    and there, and the spread of the seeds.

    \b
    Examples:
      fraudstream compare --data creditcard.csv
      fraudstream compare --data creditcard.csv --recipe prosise --seeds 10
      fraudstream compare --data creditcard.csv --models models
    """
    from dataset.reader import read
    from dataset.weights import read_weights
    from model.artifact.metadata import DataSource
    from model.evaluation.comparison import AUTHORS_THRESHOLD, compare
    from model.evaluation.evaluate import evaluate
    from model.recipes import RECIPES
    from model.side_by_side import check_lineup, save_lineup
    from model.training.train import train

    chosen = recipes or tuple(it for it in RECIPES.values() if it.published or models)
    if models:
        check_lineup(models, chosen)
    frame, source = read(data), DataSource.of(data)
    weight = None if weights is None else read_weights(weights, len(frame))
    # Where nothing was published, there is nothing to compare: its first network is all.
    runs = {it: range(1, 1 + (seeds if it.published else 1)) for it in chosen}
    found: list[Compared] = []
    lineup: list[Trained] = []
    with progress_bar("Training", sum(map(len, runs.values())), unit="networks") as advance:
        for recipe, numbers in runs.items():
            figures: list[Evaluation] = []
            for seed in numbers:
                trained = train(frame, source=source, weights=weight, recipe=recipe, seed=seed)
                figures.append(evaluate(trained.judged, AUTHORS_THRESHOLD, resamples=1))
                if seed == 1:
                    lineup.append(trained)
                advance(1)
            found += compare(recipe, figures)
    _print(found, as_json=as_json)
    if models:
        with progress_bar("Drawing", len(lineup), unit="artifacts") as advance:
            save_lineup(models, lineup, frame, weights=weight, progress=advance)


def _print(found: "list[Compared]", *, as_json: bool) -> None:
    if as_json:
        import msgspec

        for it in found:
            fields = msgspec.to_builtins(it) | {"verdict": it.verdict}
            click.echo(msgspec.json.encode(fields))
        return
    from fraudstream.tables import print_table

    rows = [
        (
            figure.recipe,
            figure.where,
            figure.figure,
            _value(figure.published),
            _value(figure.measured),
            f"{_value(figure.lowest)} to {_value(figure.highest)}",
            figure.verdict,
        )
        for figure in found
    ]
    headers = ("recipe", "published in", "figure", "published", "measured", "of seeds", "verdict")
    print_table(rows, headers=headers)


def _value(value: float) -> str:
    """Show a share with four significant digits where it is small, four decimals elsewhere."""
    return f"{value:.2e}" if 0 < value < 1e-2 else f"{value:.4f}"  # noqa: PLR2004
