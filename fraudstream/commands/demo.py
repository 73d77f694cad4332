"""`fraudstream demo`: the whole stream, once, without any setup."""

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from fraudstream.logs import log_to_stderr
from fraudstream.options import (
    CONTEXT,
    InputFile,
    json_option,
    kafka_options,
    kafka_settings,
    option,
)
from fraudstream.stopping import interrupt_on_sigterm
from kafkaio.settings import ENVIRONMENT_PREFIX

if TYPE_CHECKING:
    import pandas as pd

    from fraudstream.demo.report import Report
    from fraudstream.demo.run import Plan
    from fraudstream.demo.view import View

TWIN_ROWS = 20_000
# Not the seed of the twin that the model is trained on.
TWIN_SEED = 2
# Duration of a replay without --rate, for any number of rows.
REPLAY_SECONDS = 20


@click.command(context_settings=CONTEXT)
@option(
    "--data",
    type=InputFile(),
    show_default="a synthetic twin of creditcard.csv",
    help="Replay this creditcard.csv (.gz and .zip as well) instead.",
)
@option(
    "--rows",
    type=click.IntRange(min=1),
    show_default=f"{TWIN_ROWS:,} of the twin, all of a file",
    help="Number of transactions to replay.",
)
@option(
    "--rate",
    type=click.FloatRange(min=1),
    metavar="N",
    show_default=f"so that it takes {REPLAY_SECONDS} s",
    help="Transactions per second.",
)
@option(
    "--delivery",
    type=click.Choice(["exactly-once", "at-least-once"]),
    default="exactly-once",
    help="Delivery guarantee, as for detect.",
)
@option(
    "--model",
    type=click.Path(path_type=Path),
    show_default="trained once on the twin, then cached",
    help="Model store, whose champion is used, or folder of a single artifact.",
)
@json_option
@kafka_options
def command(
    data: Path | None,
    rows: int | None,
    rate: float | None,
    delivery: str,
    model: Path | None,
    as_json: bool,
    broker: str | None,
    kafka: tuple[str, ...],
    kafka_config: Path | None,
) -> None:
    """Run the whole stream once (replay, Kafka, Keras, alerts, metrics) and reconcile the counts.

    Starts its own Apache Kafka (or uses --broker; without it, Kafka properties in the environment
    are ignored), a detector and a quality monitor, replays transactions and shows the alerts. At
    the end, every transaction must have been scored or dead-lettered, and every flagged one must
    have exactly one alert; otherwise the exit code is 1.

    \b
    Examples:
      fraudstream demo
      fraudstream demo --rows 100000 --rate 10000
      fraudstream demo --data creditcard.csv
      fraudstream demo --broker localhost:9092 --json
    """
    started = time.monotonic()
    interrupt_on_sigterm()
    log_to_stderr()
    _require_broker(broker)
    frame = _rows(data, rows)

    from fraudstream.demo.artifact import cached_artifact
    from fraudstream.demo.run import Plan, run_demo
    from fraudstream.demo.view import open_view
    from model.artifact.load import load_metadata
    from model.store.location import artifact_in

    plan = Plan(
        frame=frame,
        synthetic=data is None,
        rate=rate or max(1.0, len(frame) / REPLAY_SECONDS),
        model=artifact_in(model) if model else cached_artifact(),
        delivery=delivery,
        kafka=kafka_settings(broker, kafka, kafka_config) if broker else None,
        kafka_arguments=_kafka_arguments(kafka, kafka_config) if broker else (),
        environment=_environment(broker),
        started=started,
    )
    with open_view() as view:
        try:
            if model is not None:
                load_metadata(plan.model)
                report = run_demo(plan, view)
            else:
                report = _run_with_cached_model(plan, view)
        except KeyboardInterrupt:
            view.remark("All services are stopped.")
            raise
    _print(report, as_json=as_json)


def _run_with_cached_model(plan: "Plan", view: "View") -> "Report":
    """Run the demo; if the detector rejects a model from the cache, train it again, once."""
    from fraudstream.demo.artifact import discard_if_rejected, ensure_artifact
    from fraudstream.demo.errors import ServiceFailedError
    from fraudstream.demo.run import run_demo

    trained_now = ensure_artifact(plan.model, view.remark)
    try:
        return run_demo(plan, view)
    except ServiceFailedError:
        if trained_now or not discard_if_rejected(plan.model):
            raise
    view.remark("The cached model is damaged, or scores differently on this machine.")
    ensure_artifact(plan.model, view.remark)
    return run_demo(plan, view)


def _require_broker(broker: str | None) -> None:
    """Reject options for a Kafka that is not used; the embedded one has neither TLS nor users."""
    context = click.get_current_context()
    for name in ("kafka", "kafka_config"):
        if not broker and context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"--{name.replace('_', '-')} needs the --broker it is for.")


def _environment(broker: str | None) -> dict[str, str]:
    """Return the services' environment: Kafka properties in it are for a Kafka of the user's."""
    return {
        name: value
        for name, value in os.environ.items()
        if broker or not name.startswith(ENVIRONMENT_PREFIX)
    }


def _rows(data: Path | None, rows: int | None) -> "pd.DataFrame":
    if data is None:
        from dataset.twin import synthesize

        return synthesize(rows or TWIN_ROWS, TWIN_SEED)

    from dataset.reader import read

    return read(data, limit=rows)


def _kafka_arguments(kafka: tuple[str, ...], kafka_config: Path | None) -> tuple[str, ...]:
    """Return the user's options for Kafka, for the services."""
    repeated = [text for assignment in kafka for text in ("--kafka", assignment)]
    return (*repeated, *(("--kafka-config", str(kafka_config)) if kafka_config else ()))


def _print(report: "Report", *, as_json: bool) -> None:
    import msgspec

    from fraudstream.demo.report import figures
    from fraudstream.tables import print_table

    if as_json:
        click.echo(msgspec.json.encode(report))
        return
    click.echo("\nThe counts agree: published = scored + dead-lettered, flagged = alerts.\n")
    print_table(figures(report))
