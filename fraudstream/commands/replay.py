"""`fraudstream replay`: creditcard.csv as a live stream."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fraudstream.logs import log_to_stderr
from fraudstream.options import (
    CONTEXT,
    InputFile,
    kafka_options,
    kafka_settings,
    log_format_option,
    service_option,
    topics_option,
)
from fraudstream.progress import progress_bar
from fraudstream.stopping import stop_on_signals

if TYPE_CHECKING:
    import pandas as pd

    from producer.pace import Pace
    from producer.report import ReplayReport


@click.command(context_settings=CONTEXT)
@service_option(
    "--data",
    type=InputFile(),
    required=True,
    help="The creditcard.csv to replay: plain, .gz or .zip.",
)
@service_option(
    "--speed",
    type=float,
    metavar="FACTOR",
    show_default="no pace",
    help="Speed of the stream's clock, true to the gaps in Time: 600 is ten minutes per second.",
)
@service_option(
    "--rate",
    type=float,
    metavar="N",
    show_default="no pace",
    help="Send N transactions per second, whatever their Time.",
)
@service_option(
    "--start", type=click.IntRange(min=0), default=0, help="First row to send, counted from 0."
)
@service_option(
    "--limit",
    type=click.IntRange(min=1),
    show_default="all rows",
    help="Maximum number of transactions, over all passes of --loop.",
)
@service_option("--loop", is_flag=True, help="Start again after the last row, until stopped.")
@service_option(
    "--label-delay",
    type=click.FloatRange(min=0),
    default=600.0,
    metavar="SECONDS",
    help="Stream time from a transaction to its label.",
)
@service_option("--labels/--no-labels", default=True, help="Publish labels, or transactions only.")
@service_option(
    "--encoding",
    type=click.Choice(["json", "compact"]),
    default="json",
    help="Encoding of transactions; compact takes a third of the bytes.",
)
@log_format_option
@topics_option
@kafka_options
def command(
    data: Path,
    speed: float | None,
    rate: float | None,
    start: int,
    limit: int | None,
    loop: bool,
    label_delay: float,
    labels: bool,
    encoding: str,
    log_format: str,
    topic_prefix: str,
    broker: str | None,
    kafka: tuple[str, ...],
    kafka_config: Path | None,
) -> None:
    """Replay creditcard.csv as a live stream of transactions.

    \b
    As fast as Kafka accepts it:
      fraudstream replay --data creditcard.csv
    At 600 times the original speed (two days take five minutes):
      fraudstream replay --data creditcard.csv --speed 600
    At 1,000 transactions per second until Ctrl-C:
      fraudstream replay --data creditcard.csv --rate 1000 --loop
    The second 10,000 rows:
      fraudstream replay --data creditcard.csv --start 10000 --limit 10000
    In an encoding of a third of the bytes:
      fraudstream replay --data creditcard.csv --encoding compact

    Transactions go to the topic `transactions`. Ids are derived from the row (row-0000041; in the
    second pass of --loop, row-0000041-pass-2), so that two replays can be compared. The event time
    is the time of sending. A label goes to `transactions.labels` once the stream's clock (the Time
    of the latest row, at any pace) has advanced by the delay; at the end, the remaining labels
    follow immediately.

    Ctrl-C or SIGTERM stops sending, waits until Kafka has confirmed the records, and reports; a
    second one ends the wait. The exit code is 1 if a record was not confirmed.
    """
    pace = _pace(speed, rate)
    settings = kafka_settings(broker, kafka, kafka_config)
    frame = _rows(data, start, limit)

    from events.codec import Encoding
    from events.topics import Topics
    from producer.replay import replay

    log_to_stderr(log_format)
    total = limit if loop else len(frame)
    stop = stop_on_signals()
    with progress_bar(f"Replaying {data.name}", total, unit="transactions") as progress:
        report = replay(
            frame,
            settings,
            Topics(topic_prefix),
            pace=pace,
            label_delay=label_delay if labels else None,
            encoding=Encoding(encoding),
            limit=limit,
            loop=loop,
            stop=stop,
            progress=progress,
            remark=lambda sentence: click.echo(sentence, err=True),
        )
    click.echo(_summary(report))
    if stop.is_set() and not loop and report.sent < len(frame):
        click.echo(f"Stopped. To continue from here: --start {start + report.sent}", err=True)


def _pace(speed: float | None, rate: float | None) -> "Pace":
    from producer.pace import Rate, Speed, Unpaced

    if speed is not None and rate is not None:
        raise click.UsageError("--speed and --rate exclude each other: use one of them.")
    if rate is not None:
        return Rate(rate)
    return Unpaced() if speed is None else Speed(speed)


def _rows(data: Path, start: int, limit: int | None) -> "pd.DataFrame":
    """Return the selected rows; the index has their numbers in the file."""
    from dataset.reader import read

    frame = read(data, limit=None if limit is None else start + limit)
    if start >= len(frame):
        raise click.UsageError(
            f"--start {start} is past the end: {data} has {len(frame):,} rows, counted from 0."
        )
    return frame.iloc[start:]


def _summary(report: "ReplayReport") -> str:
    labels = f"; {report.labels_delivered:,} labels delivered" if report.labels_sent else ""
    return (
        f"{report.sent:,} transactions sent, {report.delivered:,} delivered in "
        f"{report.seconds:.1f} s, {report.rate:,.0f} per second{labels}."
    )
