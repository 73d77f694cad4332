"""The `fraudstream` command: a group of sub-commands; errors become sentences and exit codes."""

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from typing import Any

import click

from errors import FraudstreamError
from fraudstream.options import CONTEXT
from fraudstream.standard_streams import OutputError, discard_output, prepare_standard_streams
from fraudstream.stopping import record_interrupts, was_interrupted

# In the order of use; each is `fraudstream.commands.<name>.command`.
COMMANDS = {
    "demo": "Run the whole stream once and reconcile the counts.",
    "broker": "Run Apache Kafka on this machine, without Docker or Java.",
    "topics": "Create or list the stream's topics.",
    "data": "Download creditcard.csv, or make its synthetic twin.",
    "recipes": "List the models that can be trained.",
    "train": "Train a recipe; add a version to a model store.",
    "compare": "Train the published recipes; compare with their figures.",
    "models": "List, show and promote the versions in a model store.",
    "threshold": "Change the threshold: a new version of the same network.",
    "evaluate": "Evaluate an artifact on labelled transactions.",
    "detect": "Score transactions as they arrive; raise alerts.",
    "replay": "Publish creditcard.csv as a live stream.",
    "alerts": "Follow the alerts.",
    "dead-letters": "List, show and requeue rejected records.",
    "quality": "Follow precision, recall and missed money, live.",
    "messages": "Describe topics and messages for other programs.",
    "completion": "Complete commands and options in your shell.",
}

INTERRUPTED = 130  # 128 + SIGINT, as shells report a command that Ctrl-C ended


class Commands(click.Group):
    """The group of `COMMANDS`, each imported when it is used."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Return the commands in the order of use."""
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        """Return the command of that name."""
        if name not in COMMANDS:
            return None
        command: click.Command = import_module(
            f"fraudstream.commands.{name.replace('-', '_')}"
        ).command
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the summaries, without importing any command."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a reader such as `head` that closes the pipe is not an error."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            discard_output()
            return 0
        return result


@click.command(cls=Commands, context_settings=CONTEXT | {"auto_envvar_prefix": "FRAUDSTREAM"})
@click.version_option(version("fraudstream"), "-V", "--version", allow_from_autoenv=False)
def fraudstream() -> None:
    """Detect credit-card fraud in a live stream: Kafka, Keras, alerts, metrics.

    \b
    Try it (starts its own Kafka, needs nothing else):
      fraudstream demo

    \b
    Or run each part in a terminal of its own:
      fraudstream broker --port 9092
      fraudstream topics create
      fraudstream data synthesize --out creditcard.csv
      fraudstream train --data creditcard.csv
      fraudstream detect
      fraudstream replay --data creditcard.csv --rate 1000
      fraudstream alerts
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit: 0 finished, 1 failed, 2 a mistake in the request, 130 Ctrl-C."""
    prepare_standard_streams()
    record_interrupts()
    try:
        code = fraudstream.main(arguments, prog_name="fraudstream", standalone_mode=False)
    except click.exceptions.Exit as ending:
        code = ending.exit_code
    except click.ClickException as mistake:
        mistake.show()
        code = mistake.exit_code
    except (KeyboardInterrupt, click.Abort):
        code = _report_interrupt()
    except FraudstreamError as error:
        if isinstance(error, OutputError):
            discard_output()
        code = _report_interrupt() if was_interrupted() else _report(error)
    except Exception:
        # Any other exception is a defect and keeps its traceback.
        if not was_interrupted():
            raise
        code = _report_interrupt()
    sys.exit(code or 0)


def _report_interrupt() -> int:
    print("Interrupted.", file=sys.stderr)
    return INTERRUPTED


def _report(error: FraudstreamError) -> int:
    """Print the error and its hint; return its exit code."""
    from fraudstream.hints import hint_for

    print(f"Error: {error}", file=sys.stderr)
    if hint := hint_for(error):
        print(f"Hint: {hint}", file=sys.stderr)
    return error.exit_code
