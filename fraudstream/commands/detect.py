"""`fraudstream detect`: score the stream and raise alerts."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from fraudstream.logs import log_to_stderr
from fraudstream.options import (
    CONTEXT,
    host_and_port,
    kafka_options,
    kafka_settings,
    metrics_option,
    model_option,
    option,
    topics_option,
)
from fraudstream.stopping import stop_on_signals

if TYPE_CHECKING:
    from model.serving.scorer import Scorer


@click.command(context_settings=CONTEXT)
@model_option
@option(
    "--device",
    type=click.Choice(["auto", "cpu", "gpu"]),
    default="auto",
    help="Where the network runs; auto takes a GPU when there is one.",
)
@option("--group", default="fraudstream-detector", help="Consumer group to join.")
@option(
    "--delivery",
    type=click.Choice(["exactly-once", "at-least-once"]),
    default="exactly-once",
    help="Alerts and offsets in one Kafka transaction, or alerts first and offsets after.",
)
# A commit takes 4 to 7 ms, and in a backlog nearly every batch has an alert. At 100,000 records a
# second that is a tenth of the time of a batch of 4,096 and a fortieth of one of 16,384.
@option(
    "--batch-maximum",
    type=click.IntRange(1, 1_000_000),
    default=16_384,
    help="Records in a micro-batch, at most.",
)
@option(
    "--wait-maximum",
    type=click.FloatRange(0, 60),
    default=0.0,
    metavar="SECONDS",
    help="How long to wait for a batch to fill; 0 takes what is there.",
)
@option(
    "--commit-interval",
    type=click.FloatRange(0, 60),
    default=1.0,
    metavar="SECONDS",
    help="How long offsets of batches without alerts may wait for a commit.",
)
@option(
    "--broker-timeout",
    type=click.FloatRange(1),
    default=60.0,
    metavar="SECONDS",
    help="How long Kafka may be away before the detector gives up.",
)
@option(
    "--dead-letter-ratio",
    type=click.FloatRange(0, 1),
    default=0.5,
    help="Stop when so much of the last 10,000 records cannot be read; 0 never stops.",
)
@option(
    "--dead-letters-in-a-row",
    type=click.IntRange(0),
    default=1000,
    metavar="N",
    help="Stop when N records in a row cannot be read; 0 never stops.",
)
@option(
    "--journal/--no-journal",
    default=False,
    help="Write, with each commit, what it covers to transactions.journal; exactly-once goes on "
    "where that ends, should Kafka forget.",
)
@metrics_option("127.0.0.1:8000")
@option("--verbose/--quiet", default=False, help="Also log what librdkafka says.")
@topics_option
@kafka_options
def command(
    broker: str | None,
    kafka: tuple[str, ...],
    kafka_config: Path | None,
    topic_prefix: str,
    metrics: str,
    verbose: bool,
    model: Path,
    device: Literal["auto", "cpu", "gpu"],
    **choices: Any,
) -> None:
    """Score transactions as they arrive and raise an alert for each suspected fraud.

    Reads the topic transactions, writes fraud.alerts and, for what cannot be read,
    transactions.dlq. Run it several times to share the partitions. Ctrl-C or SIGTERM
    finishes the batch, commits and leaves the group.

    \b
    Examples:
      fraudstream detect
      fraudstream detect --model artifact --device gpu --broker kafka:9092
      fraudstream detect --kafka security.protocol=SSL --kafka ssl.ca.location=ca.pem
    """
    settings = kafka_settings(broker, kafka, kafka_config)
    host, port = host_and_port(metrics, "--metrics")
    stop = stop_on_signals()
    log_to_stderr(verbose=verbose)

    from prometheus_client import REGISTRY

    from consumer.detector.decode import READY_ROWS
    from consumer.detector.service import DetectorOptions, run_detector
    from events.topics import Topics
    from model.artifact.load import load_metadata

    load_metadata(model)  # refuses a wrong artifact before anything slow begins

    def load_model() -> "Scorer":
        from model.serving.scorer import Scorer

        rows = min(choices["batch_maximum"], READY_ROWS)  # a larger batch is scored in parts
        return Scorer.load(model, device=device, batch_maximum=rows)

    run_detector(
        settings,
        Topics(topic_prefix),
        DetectorOptions(metrics_host=host, metrics_port=port, **choices),
        load_model,
        stopped=stop.is_set,
        registry=REGISTRY,
    )
