"""`fraudstream topics`: create or list the stream's topics."""

import re
import sys
from datetime import timedelta
from pathlib import Path

import click

from events.topics import Topics
from fraudstream.options import CONTEXT, kafka_options, kafka_settings, option, topics_option

PARTITIONS = 4
"""Each partition is read by one detector, so this limits how many can share the work. A partition
costs little, but adding some later moves keys to other partitions; so a few more than needed."""

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class Retention(click.ParamType["timedelta | None"]):
    """A length of time such as 90s, 30m, 12h or 7d; `forever` is None."""

    name = "duration"

    def convert(
        self, value: object, parameter: click.Parameter | None, context: click.Context | None
    ) -> timedelta | None:
        """Return the text as a timedelta."""
        text = str(value)
        if text == "forever":
            return None
        match = re.fullmatch(r"(\d{1,6})([smhd])", text)
        if not match or not int(match[1]):
            self.fail(
                f"{text!r} is not of the form 90s, 30m, 12h, 7d or forever", parameter, context
            )
        return timedelta(**{_UNITS[match[2]]: int(match[1])})


@click.group(context_settings=CONTEXT)
def command() -> None:
    """Create or list the stream's topics: transactions, labels, dead letters, alerts."""


@command.command(context_settings=CONTEXT)
@option(
    "--partitions",
    type=click.IntRange(1, 10_000),
    default=PARTITIONS,
    help="Partitions of each new topic; so many detectors can share the work.",
)
@option(
    "--retention",
    type=Retention(),
    default="7d",
    metavar="DURATION",
    help="How long records are kept: 90s, 30m, 12h, 7d or forever.",
)
@option(
    "--replication-factor",
    type=click.IntRange(1, 100),
    default=1,
    help="Copies of each partition, each on a node of its own.",
)
@option(
    "--min-isr",
    type=click.IntRange(1, 100),
    default=1,
    help="Copies that must have a record before it counts as delivered (min.insync.replicas).",
)
@topics_option
@kafka_options
def create(
    partitions: int,
    retention: timedelta | None,
    replication_factor: int,
    min_isr: int,
    topic_prefix: str,
    broker: str | None,
    kafka: tuple[str, ...],
    kafka_config: Path | None,
) -> None:
    """Create the topics; existing topics are left unchanged.

    \b
    On the embedded Kafka (fraudstream broker --port 9092):
      fraudstream topics create
    \b
    On a cluster of three nodes, where one may fail:
      fraudstream topics create --broker kafka:9092 --partitions 12 \\
        --replication-factor 3 --min-isr 2 --retention 30d
    """
    from kafkaio.topics import create_topics

    settings = kafka_settings(broker, kafka, kafka_config)
    topics = create_topics(
        settings,
        Topics(topic_prefix).all(),
        partitions=partitions,
        replication_factor=replication_factor,
        retention=retention,
        minimum_in_sync_replicas=min_isr,
    )
    for topic in topics:
        state = "created" if topic.created else "already exists"
        print(f"{topic.name} {state}, {_count(topic.partitions)}")
        if topic.partitions != partitions:
            print(
                f"Note: {topic.name} keeps its {_count(topic.partitions)} instead of the "
                f"requested {partitions}.",
                file=sys.stderr,
            )


@command.command("list", context_settings=CONTEXT)
@topics_option
@kafka_options
def list_(
    topic_prefix: str, broker: str | None, kafka: tuple[str, ...], kafka_config: Path | None
) -> None:
    """List the stream's topics, and which of them are missing."""
    from kafkaio.topics import list_topics

    settings = kafka_settings(broker, kafka, kafka_config)
    existing = list_topics(settings)
    for name in Topics(topic_prefix).all():
        if name in existing:
            print(f"{name}, {_count(existing[name])}")
        else:
            print(f"{name} is missing; 'fraudstream topics create' creates it.", file=sys.stderr)


def _count(partitions: int) -> str:
    return f"{partitions} partition{'' if partitions == 1 else 's'}"
