"""`fraudstream recipes`: list the recipes with their sources."""

import click

from fraudstream.options import CONTEXT


@click.command(context_settings=CONTEXT)
def command() -> None:
    """List the recipes: our own, and published ones.

    \b
    Example:
      fraudstream recipes
      fraudstream train --recipe prosise --data creditcard.csv
    """
    from fraudstream.tables import print_table
    from model.recipes import RECIPES

    rows = [
        row
        for name, recipe in RECIPES.items()
        for row in ((name, recipe.summary), ("", recipe.source))
    ]
    print_table(rows)
