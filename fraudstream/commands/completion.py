"""`fraudstream completion`: shell completion of commands and options."""

import click
from click.shell_completion import get_completion_class

from fraudstream.options import CONTEXT


@click.command(context_settings=CONTEXT)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print the completion script for a shell.

    \b
    Example, for this terminal only:
      source <(fraudstream completion bash)
    """
    completion = get_completion_class(shell)
    if completion is None:
        raise click.UsageError(f"There is no completion for {shell}.")
    root = context.find_root().command
    click.echo(completion(root, {}, "fraudstream", "_FRAUDSTREAM_COMPLETE").source())
