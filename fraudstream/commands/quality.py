"""`fraudstream quality`: report live precision and recall of the alerts, as labels arrive."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fraudstream.logs import log_to_stderr
from fraudstream.options import (
    CONTEXT,
    from_beginning_option,
    host_and_port,
    json_option,
    kafka_options,
    kafka_settings,
    log_format_option,
    metrics_option,
    option,
    service_option,
    topics_option,
)
from fraudstream.stopping import stop_on_signals

if TYPE_CHECKING:
    from consumer.quality.label_join import QualityReport

# Seconds between two reports: a terminal has one live line, other outputs get a line each.
_LIVE_SECONDS = 0.25
_LINE_SECONDS = 5.0


@click.command(context_settings=CONTEXT)
@service_option(
    "--grace",
    type=click.FloatRange(0, 60),
    default=2.0,
    metavar="SECONDS",
    help="How long a label waits for its alert before its transaction counts as not flagged.",
)
@from_beginning_option(default=True)
@option(
    "--group",
    metavar="NAME",
    default=None,
    show_default="store nothing",
    help="Store how far the labels are judged as offsets of this consumer group; a restart "
    "continues there.",
)
@json_option
@metrics_option("127.0.0.1:8001")
@log_format_option
@topics_option
@kafka_options
def command(
    broker: str | None,
    kafka: tuple[str, ...],
    kafka_config: Path | None,
    topic_prefix: str,
    metrics: str,
    log_format: str,
    as_json: bool,
    from_beginning: bool,
    group: str | None,
    grace: float,
) -> None:
    """Join alerts with labels: precision, recall and missed money, live.

    Prints a report when it has changed, at most every five seconds, and serves the counts to
    Prometheus. Ctrl-C or SIGTERM reads up to the present end of the topics, judges the labels
    that still wait, and prints the final report; with --json it is the last line.

    \b
    fraud_labels_total and fraud_amount_total start at 0 with the process. A monitor that
    Prometheus scrapes should judge each label once over all restarts:
      fraudstream quality --from-now --group fraudstream-quality

    \b
    Examples:
      fraudstream quality
      fraudstream quality --json | tail -n 1
      fraudstream quality --grace 10 --metrics 0.0.0.0:8001 --broker kafka:9092
    """
    settings = kafka_settings(broker, kafka, kafka_config)
    host, port = host_and_port(metrics, "--metrics")
    stop = stop_on_signals()

    from prometheus_client import REGISTRY

    from consumer.quality.monitor import run_quality
    from events.topics import Topics
    from fraudstream.process import disable_created_metrics

    disable_created_metrics()
    live = sys.stdout.isatty() and not as_json
    with (_live_line if live else _json_lines if as_json else _lines)() as show:
        log_to_stderr(log_format)  # after the live line has replaced sys.stderr
        run_quality(
            settings,
            Topics(topic_prefix),
            grace=grace,
            from_beginning=from_beginning,
            group=group,
            metrics_host=host,
            metrics_port=port,
            registry=REGISTRY,
            show=show,
            every=_LIVE_SECONDS if live else _LINE_SECONDS,
            stopped=stop.is_set,
        )


@contextmanager
def _json_lines() -> Iterator[Callable[["QualityReport"], None]]:
    import msgspec

    yield lambda report: print(msgspec.json.encode(report).decode(), flush=True)


@contextmanager
def _lines() -> Iterator[Callable[["QualityReport"], None]]:
    yield lambda report: print(_line(report), flush=True)


@contextmanager
def _live_line() -> Iterator[Callable[["QualityReport"], None]]:
    """Keep one line up to date below the log lines; it stays when the block ends."""
    from rich.live import Live
    from rich.text import Text

    with Live(auto_refresh=False, redirect_stderr=sys.stderr.isatty()) as live:
        yield lambda report: live.update(Text(_line(report)), refresh=True)


def _line(report: "QualityReport") -> str:
    return (
        f"{report.labels:,} labels: {report.true_positives:,} frauds caught, "
        f"{report.false_negatives:,} missed, {report.false_positives:,} false alarms; "
        f"precision {_ratio(report.precision)}, recall {_ratio(report.recall)}; "
        f"amount caught {report.amount_caught:,.2f}, missed {report.amount_missed:,.2f}"
    )


def _ratio(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.3f}"
