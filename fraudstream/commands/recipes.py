"""`fraudstream recipes`: list the recipes with their sources."""

import click

from fraudstream.options import CONTEXT


@click.command(context_settings=CONTEXT)
def command() -> None:
    """List the recipes: our own, and published ones.

    \b
    Example:
      fraudstream recipes
      fraudstream train --recipe prosise --data creditcard.csv --model prosise
    """
    from model.recipes import RECIPES

    width = max(map(len, RECIPES))
    for name, recipe in RECIPES.items():
        click.echo(f"{name:<{width}}  {recipe.summary}")
        click.echo(f"{'':<{width}}  {recipe.source}")
