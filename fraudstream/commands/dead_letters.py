"""`fraudstream dead-letters`: list, show and replay rejected records."""

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
    # Not FRAUDSTREAM_GROUP, which in a detector's environment names the detector's group.
    envvar="FRAUDSTREAM_DEAD_LETTERS_GROUP",
    allow_from_autoenv=False,
    help="Consumer group whose committed offsets mark what was replayed.",
)
# Measured: 90,000 are read in a second; 30,000 are replayed.
OFFSETS_A_SECOND = 30_000


class PositionType(click.ParamType[tuple[int, int]]):
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
    """List, show and replay rejected records.

    The detector writes a record of the topic transactions that it rejects unchanged to the topic
    transactions.dlq, with its position and the reason. Once the cause is fixed (by a later
    version, for example), the dead letters can be replayed.

    \b
    Examples:
      fraudstream dead-letters list
      fraudstream dead-letters show 0:42
      fraudstream dead-letters replay --dry-run
      fraudstream dead-letters replay
    """


@command.command("list", context_settings=CONTEXT, short_help="Count dead letters by reason.")
@json_option
@group_option
@topics_option
@kafka_options
def list_(as_json: bool, **where: Any) -> None:
    """Count the dead letters by reason.

    Each line has the reason, the number of dead letters and how many of them wait, that is, were
    not replayed; the earliest and the latest time of their records; the topic they came from; and
    the position of one of them, for `show`.

    \b
    Examples:
      fraudstream dead-letters list
      fraudstream dead-letters list --json | jq '.reasons[] | select(.waiting > 0)'
    """
    with _reader(**where) as (reader, _):
        from consumer.dead_letters.store import summarize
        from consumer.dead_letters.text import table_json
        from fraudstream.dead_letter_table import print_summaries

        reader.snapshot()
        offsets = sum(bounds.end - bounds.first for bounds in reader.ranges.values())
        with progress_bar("Reading dead letters", _worth_a_bar(offsets), unit="offsets") as advance:
            summaries = summarize(reader, advance=advance)
        if as_json:
            print(table_json(reader.topic, summaries))
        elif summaries:
            print_summaries(summaries)
        else:
            print(f"There are no dead letters in {reader.topic}.")


@command.command(context_settings=CONTEXT, short_help="Show one dead letter in full.")
@click.argument("position", type=PositionType(), metavar="PARTITION:OFFSET")
@json_option
@option("--value", is_flag=True, help="Write only the bytes of the value, unchanged.")
@group_option
@topics_option
@kafka_options
def show(position: tuple[int, int], as_json: bool, value: bool, **where: Any) -> None:
    """Show one dead letter in full: the original record, its position, the reason.

    PARTITION:OFFSET is its position in the topic transactions.dlq, as `list` shows it. A value
    that is not UTF-8 is shown in hexadecimal.

    \b
    Examples:
      fraudstream dead-letters show 0:42
      fraudstream dead-letters show 0:42 --json
      fraudstream dead-letters show 0:42 --value > rejected.json
    """
    with _reader(**where) as (reader, _):
        from consumer.dead_letters.store import Position, find
        from consumer.dead_letters.text import full, full_json

        reader.snapshot()
        dead = find(reader, Position(*position))
        if value:
            sys.stdout.buffer.write(dead.letter.value or b"")
        else:
            print((full_json if as_json else full)(reader.topic, dead))


@command.command(context_settings=CONTEXT, short_help="Replay dead letters, after a fix.")
@option(
    "--on-error",
    type=click.Choice(["stop", "requeue", "drop"]),
    default="stop",
    help="How to handle a dead letter that is rejected again: stop before it, requeue it at the "
    "end of the dead-letter topic, or drop it.",
)
@option(
    "--reason",
    "reasons",
    type=click.Choice([reason.value for reason in Reason]),
    multiple=True,
    metavar="REASON",
    show_default="all",
    help="Replay only dead letters with this reason, as shown by list; may be repeated.",
)
@option("--dry-run", is_flag=True, help="Report what would happen, and change nothing.")
@group_option
@topics_option
@kafka_options
def replay(on_error: str, reasons: tuple[str, ...], dry_run: bool, **where: Any) -> None:
    """Write dead letters back to the topic they came from, with key, value, headers and time.

    Each one is first decoded as the detector would decode it today; --on-error says how to handle
    one that is rejected again. Records and offsets are committed in one transaction: whatever
    ends a replay, Ctrl-C or kill -9, nothing is lost or replayed twice, and the same command
    resumes where the last one ended. It ends at the end that the dead-letter topic had when it
    began.

    With --reason, dead letters of other reasons are written to the end of the dead-letter topic,
    in the same transactions, so that a later replay finds them; `list` counts both the old copies
    and the new ones, and only the new ones as waiting.

    Only one replay of a group runs at a time: a second one ends the first. Kafka deletes a
    group's offsets when it has not committed any for seven days (the broker's
    offsets.retention.minutes); dead letters that are kept longer than that would be replayed
    again.

    \b
    Examples:
      fraudstream dead-letters replay --dry-run
      fraudstream dead-letters replay
      fraudstream dead-letters replay --reason out_of_range --on-error requeue
    """
    stop = stop_on_signals()
    with _reader(**where, stopped=stop.is_set, to_commit=not dry_run) as (reader, settings):
        from consumer.dead_letters.requeue import OnError, Requeue

        requeue = Requeue(
            reader, settings, on_error=OnError(on_error), reasons=reasons, dry_run=dry_run
        )
        size = _worth_a_bar(requeue.size)
        try:
            with progress_bar("Replaying dead letters", size, unit="offsets") as advance:
                requeue.run(advance=advance)
        finally:
            print(_summary(requeue.done, reader.topic, dry_run=dry_run), flush=True)


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
    """Yield a connected reader; abort the command when `stopped` ended the reading."""
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
    """Return the offsets to show a progress bar for: none if two seconds suffice to read them."""
    return offsets if offsets > 2 * OFFSETS_A_SECOND else 0


def _summary(done: "RequeueResult", topic: str, *, dry_run: bool) -> str:
    verb = "Would replay" if dry_run else "Replayed"
    parts = [f"{verb} {_count(done.replayed)}"]
    for action, counts in (
        ("requeued at the end of", done.requeued),
        ("dropped from", done.dropped),
    ):
        if counts:
            reasons = ", ".join(f"{count:,} {reason}" for reason, count in counts.most_common())
            parts.append(f"{counts.total():,} rejected again and {action} {topic} ({reasons})")
    if done.unselected:
        parts.append(f"{done.unselected:,} of other reasons written to the end of {topic}")
    return f"{'; '.join(parts)}."


def _count(number: int) -> str:
    return f"{number:,} dead letter{'' if number == 1 else 's'}"
