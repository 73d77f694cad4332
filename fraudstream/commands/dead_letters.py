"""`fraudstream dead-letters`: see what could not be read, and put it back after a fix."""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from events.errors import Reason
from fraudstream.logs import log_to_stderr
from fraudstream.options import (
    CONTEXT,
    json_option,
    kafka_options,
    kafka_settings,
    option,
    topics_option,
)
from fraudstream.progress import progress_bar
from fraudstream.stopping import stop_on_signals

if TYPE_CHECKING:
    from consumer.dead_letters.reader import DeadLetterReader
    from consumer.dead_letters.requeue_batch import RequeueResult
    from kafkaio.settings import KafkaSettings


def _named(_context: click.Context, _parameter: click.Parameter, group: str) -> str:
    if not group:
        raise click.BadParameter("a group needs a name.")
    return group


group_option = option(
    "--group",
    callback=_named,
    default="fraudstream-dead-letters",
    envvar="FRAUDSTREAM_DEAD_LETTERS_GROUP",  # FRAUDSTREAM_GROUP is the detector's
    allow_from_autoenv=False,
    help="Consumer group whose offsets say what was replayed.",
)
# Measured: 90,000 read in a second; replayed, which is slower, 30,000.
OFFSETS_A_SECOND = 30_000


class PlaceType(click.ParamType[tuple[int, int]]):
    """PARTITION:OFFSET in the dead-letter topic, as `list` shows it."""

    name = "partition:offset"

    def convert(
        self, value: object, parameter: click.Parameter | None, context: click.Context | None
    ) -> tuple[int, int]:
        """Return partition and offset."""
        match = re.fullmatch(r"([0-9]{1,9}):([0-9]{1,18})", str(value))
        if not match:
            self.fail(
                f"{value!r} is not of the form PARTITION:OFFSET, for example 0:42; "
                "'fraudstream dead-letters list' shows an example of each reason.",
                parameter,
                context,
            )
        return int(match[1]), int(match[2])


@click.group(context_settings=CONTEXT)
def command() -> None:
    """List, show and put back what could not be read.

    A record of the topic transactions that the detector cannot read is written untouched to the
    topic transactions.dlq, with where it stood and why it was refused. Once the cause is mended
    (a later version reads it, say), it can be put back.

    \b
    Examples:
      fraudstream dead-letters list
      fraudstream dead-letters show 0:42
      fraudstream dead-letters replay --dry-run
      fraudstream dead-letters replay
    """


@command.command("list", context_settings=CONTEXT, short_help="Count them by reason.")
@json_option
@group_option
@topics_option
@kafka_options
def list_(as_json: bool, **where: Any) -> None:
    """Count the dead letters by reason.

    A line says why they were refused, how many there are and how many of them wait, that is, were
    not replayed; the earliest and the latest time of their records; the topic they came from; and
    where one of them stands, for `show`.

    \b
    Examples:
      fraudstream dead-letters list
      fraudstream dead-letters list --json | jq '.reasons[] | select(.waiting > 0)'
    """
    with _reader(**where) as (reader, _):
        from consumer.dead_letters.store import tally
        from consumer.dead_letters.text import table_json
        from fraudstream.dead_letter_table import print_summaries

        reader.note()
        offsets = sum(stretch.end - stretch.first for stretch in reader.stretches.values())
        with progress_bar("Reading dead letters", _worth_a_bar(offsets), unit="offsets") as advance:
            tallies = tally(reader, advance=advance)
        if as_json:
            print(table_json(reader.topic, tallies))
        elif tallies:
            print_summaries(tallies)
        else:
            print(f"There are no dead letters in {reader.topic}.")


@command.command(context_settings=CONTEXT, short_help="Show one in full.")
@click.argument("place", type=PlaceType(), metavar="PARTITION:OFFSET")
@json_option
@option("--value", is_flag=True, help="Write the value's bytes alone, untouched.")
@group_option
@topics_option
@kafka_options
def show(place: tuple[int, int], as_json: bool, value: bool, **where: Any) -> None:
    """Show one dead letter in full: the record as it was, where it stood, why it was refused.

    PARTITION:OFFSET is its place in the topic transactions.dlq, as `list` shows it. A value that
    is no UTF-8 text is shown in hexadecimal.

    \b
    Examples:
      fraudstream dead-letters show 0:42
      fraudstream dead-letters show 0:42 --json
      fraudstream dead-letters show 0:42 --value > refused.json
    """
    with _reader(**where) as (reader, _):
        from consumer.dead_letters.store import Position, find
        from consumer.dead_letters.text import full, full_json

        reader.note()
        dead = find(reader, Position(*place))
        if value:
            sys.stdout.buffer.write(dead.letter.value or b"")
        else:
            print((full_json if as_json else full)(reader.topic, dead))


@command.command(context_settings=CONTEXT, short_help="Put them back, after a fix.")
@option(
    "--on-error",
    type=click.Choice(["stop", "back", "drop"]),
    default="stop",
    help="What to do with one that is refused again: stop before it, write it back to the end of "
    "the dead-letter topic, or pass it over.",
)
@option(
    "--reason",
    "reasons",
    type=click.Choice([reason.value for reason in Reason]),
    multiple=True,
    metavar="REASON",
    show_default="all",
    help="Put back only those refused for this reason, a word that list shows; may be repeated.",
)
@option("--dry-run", is_flag=True, help="Say what would happen, and change nothing.")
@group_option
@topics_option
@kafka_options
def replay(on_error: str, reasons: tuple[str, ...], dry_run: bool, **where: Any) -> None:
    """Put dead letters back into the topic they came from, with key, value, headers and time.

    Each is read first as the detector would read it today, and --on-error says what becomes of
    one that is refused again. What is put back and how far the replay has come are committed
    together: whatever ends a replay, Ctrl-C or kill -9, nothing is lost and nothing is put back
    twice, and the same command goes on where the last one ended. It ends at the end that the
    dead-letter topic had when it began.

    With --reason, all others are written to the end of the dead-letter topic, in the same
    transactions, so that a later replay finds them; `list` counts both the old copies and the
    new ones, and only the new ones as waiting.

    Only one replay of a group runs at a time: a second one ends the first. Kafka forgets a
    group's offsets when it has not committed any for seven days (the broker's
    offsets.retention.minutes); dead letters that are kept longer than that would be put back
    again.

    \b
    Examples:
      fraudstream dead-letters replay --dry-run
      fraudstream dead-letters replay
      fraudstream dead-letters replay --reason out_of_range --on-error back
    """
    stop = stop_on_signals()
    with _reader(**where, stopped=stop.is_set, to_commit=not dry_run) as (reader, settings):
        from consumer.dead_letters.requeue import OnError, Requeue

        running = Requeue(
            reader, settings, on_error=OnError(on_error), reasons=reasons, dry_run=dry_run
        )
        size = _worth_a_bar(running.size)
        try:
            with progress_bar("Replaying dead letters", size, unit="offsets") as advance:
                running.run(advance=advance)
        finally:
            print(_summary(running.done, reader.topic, dry_run=dry_run), flush=True)


@contextmanager
def _reader(
    broker: str | None,
    kafka: tuple[str, ...],
    kafka_config: Path | None,
    topic_prefix: str,
    group: str,
    stopped: Callable[[], bool] = lambda: False,
    to_commit: bool = False,
) -> Iterator[tuple["DeadLetterReader", "KafkaSettings"]]:
    """Give a connected reader; when `stopped` ended its reading, the command is interrupted."""
    settings = kafka_settings(broker, kafka, kafka_config)
    log_to_stderr()

    from consumer.dead_letters.reader import DeadLetterReader
    from events.topics import Topics

    topic = Topics(topic_prefix).dead_letters
    with DeadLetterReader(settings, topic, group, stopped=stopped) as reader:
        if not reader.connect(to_commit=to_commit):
            raise click.Abort
        yield reader, settings
    if stopped():
        raise click.Abort


def _worth_a_bar(offsets: int) -> int:
    """Return how many offsets to show a bar for: none for what is read within two seconds."""
    return offsets if offsets > 2 * OFFSETS_A_SECOND else 0


def _summary(done: "RequeueResult", topic: str, *, dry_run: bool) -> str:
    would = "Would put back" if dry_run else "Put back"
    parts = [f"{would} {_count(done.replayed)}"]
    for what, again in (("written back to the end of", done.back), ("dropped from", done.dropped)):
        if again:
            reasons = ", ".join(f"{count:,} {reason}" for reason, count in again.most_common())
            parts.append(f"{again.total():,} refused again and {what} {topic} ({reasons})")
    if done.others:
        parts.append(f"{done.others:,} of other reasons written to the end of {topic}")
    return f"{'; '.join(parts)}."


def _count(number: int) -> str:
    return f"{number:,} dead letter{'' if number == 1 else 's'}"
