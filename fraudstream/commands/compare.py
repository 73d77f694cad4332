"""`fraudstream compare`: train the recipes and compare their metrics with the published ones."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fraudstream.options import CONTEXT, InputFile, RecipeType, json_option, option, weights_option
from fraudstream.progress import progress_bar

if TYPE_CHECKING:
    from model.evaluation.comparison import Comparison
    from model.evaluation.results import Evaluation
    from model.recipes.recipe import Recipe
    from model.training.train import Trained


@click.command(context_settings=CONTEXT)
@option(
    "--data",
    type=InputFile(),
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
    show_default="all published ones; with --models, all",
    help="Recipe to train; may be repeated.",
)
@option("--seeds", type=click.IntRange(1, 100), default=3, help="How often each recipe is trained.")
@option(
    "--models",
    type=click.Path(path_type=Path),
    help="Folder for the first network of each recipe, as the artifact FOLDER/RECIPE, with plots "
    "of it alone and beside the others.",
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
    """Train the published recipes as their authors did; print published and measured figures.

    The verdict is "as published" where the difference is explained by chance: by the choice of the
    test rows, there and here, and by the spread over the seeds.

    \b
    Examples:
      fraudstream compare --data creditcard.csv
      fraudstream compare --data creditcard.csv --recipe prosise --seeds 10
      fraudstream compare --data creditcard.csv --models compared
    """
    from dataset.reader import read
    from dataset.weights import read_weights
    from model.evaluation.comparison import AUTHORS_THRESHOLD, compare
    from model.evaluation.evaluate import evaluate
    from model.labelled import Labelled
    from model.recipes import RECIPES
    from model.side_by_side import check_folder, save_all
    from model.training.plan import TrainingPlan
    from model.training.source import describe
    from model.training.train import train

    chosen = recipes or tuple(recipe for recipe in RECIPES.values() if recipe.published or models)
    if models:
        check_folder(models, chosen)
    frame, source = read(data), describe(data)
    rows = Labelled.of(frame, read_weights(weights, len(frame)) if weights else None)
    # A recipe without published figures is trained only for its artifact.
    runs = {recipe: range(1, 1 + (seeds if recipe.published else 1)) for recipe in chosen}
    comparisons: list[Comparison] = []
    networks: list[Trained] = []
    with progress_bar("Training", sum(map(len, runs.values())), unit="networks") as advance:
        for recipe, numbers in runs.items():
            evaluations: list[Evaluation] = []
            for seed in numbers:
                trained = train(rows, TrainingPlan(recipe=recipe, seed=seed), source=source)
                evaluations.append(evaluate(trained.held_out, AUTHORS_THRESHOLD, resamples=1))
                if seed == 1:
                    networks.append(trained)
                advance(1)
            comparisons += compare(recipe, evaluations)
    _print(comparisons, as_json=as_json)
    if models:
        with progress_bar("Plotting", len(networks), unit="artifacts") as advance:
            save_all(models, networks, rows, progress=advance)


def _print(comparisons: "list[Comparison]", *, as_json: bool) -> None:
    if as_json:
        import msgspec

        for comparison in comparisons:
            fields = msgspec.to_builtins(comparison) | {"verdict": comparison.verdict}
            click.echo(msgspec.json.encode(fields))
        return
    from fraudstream.tables import print_table

    rows = [
        (
            comparison.recipe,
            comparison.where,
            comparison.figure,
            _value(comparison.published),
            _value(comparison.measured),
            f"{_value(comparison.lowest)} to {_value(comparison.highest)}",
            comparison.verdict,
        )
        for comparison in comparisons
    ]
    headers = ("recipe", "published in", "figure", "published", "measured", "of seeds", "verdict")
    print_table(rows, headers=headers)


def _value(value: float) -> str:
    """Format a share with three significant digits where it is small, four decimals elsewhere."""
    return f"{value:.2e}" if 0 < value < 1e-2 else f"{value:.4f}"  # noqa: PLR2004
