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
    log_format_option,
    metrics_option,
    model_option,
    service_option,
    topics_option,
)
from fraudstream.stopping import stop_on_signals

if TYPE_CHECKING:
    from model.serving.scorer import Scorer


@click.command(context_settings=CONTEXT)
@model_option
@service_option(
    "--runtime",
    type=click.Choice(["auto", "keras", "onnx"]),
    default="auto",
    help="What computes the network: Keras, or onnxruntime, which takes a third of the memory and "
    "of the start. auto uses Keras on a GPU, and onnxruntime on CPUs.",
)
@service_option(
    "--device",
    type=click.Choice(["auto", "cpu", "gpu"]),
    default="auto",
    help="Device of the network; auto uses a GPU if there is one.",
)
@service_option("--group", default="fraudstream-detector", help="Consumer group to join.")
@service_option(
    "--delivery",
    type=click.Choice(["exactly-once", "at-least-once"]),
    default="exactly-once",
    help="Commit alerts and offsets in one Kafka transaction, or alerts first and then offsets.",
)
# A commit takes 4 to 7 ms, and in a backlog nearly every batch has an alert. At 100,000 records per
# second that is a tenth of the time of a batch of 4,096 and a fortieth of one of 16,384.
@service_option(
    "--batch-maximum",
    type=click.IntRange(1, 1_000_000),
    default=16_384,
    help="Maximum number of records in a micro-batch.",
)
@service_option(
    "--commit-interval",
    type=click.FloatRange(0, 60),
    default=1.0,
    metavar="SECONDS",
    help="Maximum delay of the commit after batches without alerts.",
)
@service_option(
    "--broker-timeout",
    type=click.FloatRange(1),
    default=60.0,
    metavar="SECONDS",
    help="Maximum duration of an outage, or of commits that fail, before the detector exits.",
)
@service_option(
    "--dead-letter-ratio",
    type=click.FloatRange(0, 1),
    default=0.5,
    help="Limit: this share of a partition's last 10,000 records is rejected; 0 disables it.",
)
@service_option(
    "--dead-letters-in-a-row",
    type=click.IntRange(0),
    default=1000,
    metavar="N",
    help="Limit: N consecutive records of a partition are rejected; 0 disables it.",
)
@service_option(
    "--on-too-many-dead-letters",
    type=click.Choice(["report", "stop"]),
    default="report",
    help="At a limit on dead letters: report it (log, fraud_rejected_partitions) and go on, since "
    "dead letters can be replayed; or stop, and commit nothing of the batch.",
)
@service_option(
    "--journal/--no-journal",
    default=False,
    help="Write the range of each commit to transactions.journal; exactly-once resumes where the "
    "journal ends, should Kafka lose the committed offsets.",
)
@service_option(
    "--on-gap",
    type=click.Choice(["report", "stop"]),
    default="report",
    help="What to do when records can no longer be read, such as after retention deleted them: "
    "report them and continue, or stop.",
)
@metrics_option("127.0.0.1:8000")
@service_option("--verbose/--quiet", default=False, help="Include librdkafka's own log lines.")
@log_format_option
@topics_option
@kafka_options
def command(
    broker: str | None,
    kafka: tuple[str, ...],
    kafka_config: Path | None,
    topic_prefix: str,
    metrics: str,
    verbose: bool,
    log_format: str,
    model: Path,
    runtime: Literal["auto", "keras", "onnx"],
    device: Literal["auto", "cpu", "gpu"],
    on_gap: str,
    **choices: Any,
) -> None:
    """Score transactions as they arrive and raise an alert for each suspected fraud.

    Reads the topic transactions, writes alerts to fraud.alerts and rejected records to
    transactions.dlq. Several detectors of one group share the partitions. Ctrl-C, SIGTERM or
    SIGHUP finishes the batch, commits and leaves the group.

    \b
    Examples:
      fraudstream detect
      fraudstream detect --model models --device gpu --broker kafka:9092
      fraudstream detect --kafka security.protocol=SSL --kafka ssl.ca.location=ca.pem
    """
    settings = kafka_settings(broker, kafka, kafka_config)
    host, port = host_and_port(metrics, "--metrics")
    stop = stop_on_signals()
    log_to_stderr(log_format, verbose=verbose)

    from prometheus_client import REGISTRY

    from consumer.detector.decode import CHUNK_RECORDS
    from consumer.detector.loop import OnGap
    from consumer.detector.options import DetectorOptions
    from consumer.detector.service import run_detector
    from events.topics import Topics
    from fraudstream.process import disable_created_metrics, tune_garbage_collector
    from model.artifact.load import load_metadata
    from model.store.location import artifact_in

    load_metadata(artifact_in(model))  # rejects an invalid artifact before anything slow starts

    def load_model() -> "Scorer":
        from model.serving.scorer import Scorer

        rows = min(choices["batch_maximum"], CHUNK_RECORDS)  # a larger batch is scored in chunks
        return Scorer.load(artifact_in(model), runtime=runtime, device=device, batch_maximum=rows)

    disable_created_metrics()
    run_detector(
        settings,
        Topics(topic_prefix),
        DetectorOptions(on_gap=OnGap(on_gap), metrics_host=host, metrics_port=port, **choices),
        load_model,
        stopped=stop.is_set,
        registry=REGISTRY,
        on_ready=tune_garbage_collector,
    )
