"""The `fraudstream` command: its commands in the order one uses them, errors as sentences."""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from typing import Any

import click

from errors import FraudstreamError
from fraudstream.options import CONTEXT
from fraudstream.stopping import note_interrupts, was_interrupted

# In the order one uses them; each is `fraudstream.commands.<name>.command`.
COMMANDS = {
    "demo": "Run the whole stream once, and see that it adds up.",
    "broker": "Run Apache Kafka on this machine, without Docker or Java.",
    "topics": "Create or list the stream's topics.",
    "data": "Download creditcard.csv, or make its synthetic twin.",
    "recipes": "List what can be trained.",
    "train": "Train a recipe and write its artifact.",
    "compare": "Train what others published; published against measured.",
    "evaluate": "Judge an artifact on labelled transactions.",
    "detect": "Score transactions as they arrive; raise alerts.",
    "replay": "Publish creditcard.csv as a live stream.",
    "alerts": "Follow the alerts.",
    "dead-letters": "List, show and put back what could not be read.",
    "quality": "Follow precision, recall and missed money, live.",
    "messages": "Describe topics and messages for other programs.",
    "completion": "Complete commands and options in your shell.",
}

INTERRUPTED = 130  # 128 + SIGINT, what a shell says of a command ended by Ctrl-C


class Commands(click.Group):
    """The group of `COMMANDS`, each imported when it is asked for."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Return the commands in the order one uses them, not the alphabet's."""
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
        """Run the command; a reader such as `head` that has seen enough ends it well."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            # What is still buffered has nowhere to go, and must not be tried again at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        return result


@click.command(cls=Commands, context_settings=CONTEXT)
@click.version_option(version("fraudstream"), "-V", "--version")
def fraudstream() -> None:
    """Detect credit-card fraud in a live stream: Kafka, Keras, alerts, metrics.

    \b
    Try it (starts a Kafka of its own, needs nothing else):
      fraudstream demo

    \b
    Or run the parts yourself, a terminal each:
      fraudstream broker --port 9092
      fraudstream topics create
      fraudstream data synthesize --out creditcard.csv
      fraudstream train --data creditcard.csv
      fraudstream detect
      fraudstream replay --data creditcard.csv --rate 1000
      fraudstream alerts
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit: 0 done, 1 failed, 2 a mistake in what was asked, 130 Ctrl-C."""
    note_interrupts()
    try:
        code = fraudstream.main(arguments, prog_name="fraudstream", standalone_mode=False)
    except click.exceptions.Exit as ending:
        code = ending.exit_code
    except click.ClickException as mistake:
        mistake.show()
        code = mistake.exit_code
    except (KeyboardInterrupt, click.Abort):
        code = _say_interrupted()
    except FraudstreamError as error:
        code = error.exit_code
        print(f"Error: {error}", file=sys.stderr)
    except Exception:
        # Anything else is a defect of ours and keeps its traceback.
        if not was_interrupted():
            raise
        code = _say_interrupted()
    sys.exit(code or 0)


def _say_interrupted() -> int:
    print("Interrupted.", file=sys.stderr)
    return INTERRUPTED
