"""`fraudstream alerts`: follow the alerts."""

import select
import sys
from pathlib import Path

import click

from fraudstream.logs import log_to_stderr
from fraudstream.options import (
    CONTEXT,
    from_beginning_option,
    json_option,
    kafka_options,
    kafka_settings,
    log_format_option,
    option,
    topics_option,
)
from fraudstream.stopping import stop_on_signals


@click.command(context_settings=CONTEXT)
@from_beginning_option(default=False)
@option("--limit", type=click.IntRange(min=1), metavar="N", help="End after N alerts.")
@json_option
@log_format_option
@topics_option
@kafka_options
def command(
    broker: str | None,
    kafka: tuple[str, ...],
    kafka_config: Path | None,
    topic_prefix: str,
    log_format: str,
    as_json: bool,
    limit: int | None,
    from_beginning: bool,
) -> None:
    """Follow the alerts, a line each, until Ctrl-C.

    Each line has the event time, the transaction's id and amount, its score and the threshold,
    the time from event to detection, and the model's version. Only committed alerts are shown.
    The command joins no consumer group, so it takes alerts from nobody and can run many times.

    \b
    Examples:
      fraudstream alerts
      fraudstream alerts --from-beginning | less
      fraudstream alerts --json --from-beginning --limit 100 > alerts.jsonl
    """
    settings = kafka_settings(broker, kafka, kafka_config)
    stop = stop_on_signals()
    log_to_stderr(log_format)

    from consumer.alerts.follow import follow_alerts, readable
    from events.codec import encode
    from events.messages import Alert
    from events.topics import Topics

    def show(alert: Alert) -> None:
        print(encode(alert).decode() if as_json else readable(alert), flush=True)

    shown = follow_alerts(
        settings,
        Topics(topic_prefix),
        show=show,
        stopped=lambda: stop.is_set() or _reader_gone(),
        from_beginning=from_beginning,
        limit=limit,
    )
    click.echo(f"{shown:,} alert{'' if shown == 1 else 's'} shown.", err=True)


def _reader_gone() -> bool:
    """Return whether stdout is a pipe whose reader has ended, as after `| head`.

    Otherwise only the next alert would notice, which may be hours away.
    """
    if not hasattr(select, "poll"):
        return False
    watch = select.poll()
    watch.register(sys.stdout.fileno(), 0)  # errors and hang-ups are always reported
    return any(event & select.POLLERR for _, event in watch.poll(0))
