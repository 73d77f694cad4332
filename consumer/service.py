"""Putting the detector together: clients, model, metrics, health; then running it."""

import logging
import socket
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from typing import Any, Literal, Protocol

from confluent_kafka import Consumer
from prometheus_client import CollectorRegistry

from consumer.availability import Availability, require_topics
from consumer.clients import make_consumer, make_producer
from consumer.decoding import Decoder
from consumer.delivery import AtLeastOnce, Delivery, ExactlyOnce
from consumer.detector import Detector, Scorer
from consumer.health import Health
from consumer.lag import lags
from consumer.metrics import DetectorMetrics, Stage
from consumer.server import MetricsServer
from consumer.source import Source
from consumer.watchdog import Watchdog, WatchedDelivery
from events.settings import KafkaSettings
from events.topics import Topics

logger = logging.getLogger(__name__)

DeliveryName = Literal["exactly-once", "at-least-once"]

# A commit takes milliseconds. One that takes ten seconds is a fault; Kafka then aborts the
# transaction by itself, so that readers of the alerts are held up no longer than this by a
# detector that was killed in the middle of one.
COMMIT_SECONDS = 10.0

# The watchdog lets a commit and the abort after it use up their time, and two seconds more.
WATCHDOG_SECONDS = 2 * COMMIT_SECONDS + 2.0


class Described(Protocol):
    """What is written about a model."""

    @property
    def feature_names(self) -> Sequence[str]:
        """The features in the order it was trained on."""

    @property
    def threshold(self) -> float:
        """The score from which on a transaction is flagged."""

    @property
    def model_version(self) -> str:
        """Its name in alerts."""

    @property
    def model_sha256(self) -> str:
        """The checksum of its file."""


class Model(Scorer, Protocol):
    """What the service asks of a model, as `model.scorer.Scorer` answers it."""

    @property
    def metadata(self) -> Described:
        """What is written about it."""

    @property
    def backend(self) -> str:
        """What computes it, for example "tensorflow"."""

    @property
    def device(self) -> str:
        """Where it is computed, for example "cpu"."""

    def warm_up(self) -> None:
        """Compile whatever scoring will use."""


@dataclass(frozen=True, slots=True)
class DetectorOptions:
    """What a user chooses.

    Attributes:
        group: the consumer group whose members share the partitions.
        delivery: "exactly-once" or "at-least-once".
        batch_maximum: records in a micro-batch, at most.
        wait_maximum: seconds to wait for a batch to fill; 0 takes what is there.
        commit_interval: seconds that offsets of batches without results may wait.
        broker_timeout: seconds that Kafka may be away before the detector gives up.
        metrics_host: where /metrics, /healthz and /readyz are served.
        metrics_port: likewise; 0 is a free one.
    """

    group: str
    delivery: DeliveryName
    batch_maximum: int
    wait_maximum: float
    commit_interval: float
    broker_timeout: float
    metrics_host: str
    metrics_port: int


def run_detector(
    settings: KafkaSettings,
    topics: Topics,
    options: DetectorOptions,
    load_model: Callable[[], Model],
    *,
    stopped: Callable[[], bool],
    registry: CollectorRegistry,
) -> None:
    """Run the detector until `stopped` says so.

    The model is loaded and warm before the group is joined, so that no partition waits for it.

    Raises:
        ConsumerError: if Kafka, a topic or the metrics' address cannot be used.
    """
    metrics = DetectorMetrics(registry)
    health = Health()
    availability = Availability(settings.broker, limit=options.broker_timeout)
    consumer = make_consumer(_consumer_settings(settings, options.group, availability, metrics))
    producer_settings = _producer_settings(settings, options, availability)
    with MetricsServer(
        options.metrics_host,
        options.metrics_port,
        registry,
        healthy=health.healthy,
        ready=health.ready,
    ) as server:
        logger.info("Metrics at http://%s/metrics", server.address)
        model = load_model()
        model.warm_up()
        health.warm()
        _tell_build(metrics, model)
        if not availability.connect(consumer, stopped=stopped):
            return
        required = (topics.transactions, topics.dead_letters, topics.alerts)
        require_topics(consumer, required, settings.broker, stopped=stopped)
        if stopped():
            return
        delivery = WatchedDelivery(
            _delivery(options.delivery, producer_settings, consumer, metrics),
            Watchdog(WATCHDOG_SECONDS),
        )
        delivery.open()
        detector = Detector(
            Source(
                consumer,
                topics.transactions,
                batch_maximum=options.batch_maximum,
                wait_maximum=options.wait_maximum,
            ),
            Decoder(model.metadata.feature_names),
            model,
            threshold=model.metadata.threshold,
            model_version=model.metadata.model_version,
            delivery=delivery,
            topics=topics,
            metrics=metrics,
            health=health,
            commit_interval=options.commit_interval,
        )
        logger.info(
            "Detecting with model %s on %s, %s: %s -> %s at %s",
            model.metadata.model_version,
            model.device,
            options.delivery,
            topics.transactions,
            topics.alerts,
            settings.broker,
        )

        def reachable() -> bool:
            outages = availability.outages
            if not availability.reachable(consumer, stopped=stopped):
                return False
            if availability.outages > outages:
                delivery.open()
            return True

        detector.run(stopped=stopped, reachable=reachable)
    logger.info("Stopped; the group is left.")


def _consumer_settings(
    settings: KafkaSettings, group: str, availability: Availability, metrics: DetectorMetrics
) -> dict[str, Any]:
    return settings.client(
        {
            "auto.offset.reset": "earliest",
            "partition.assignment.strategy": "cooperative-sticky",
            # After a backlog filled the local queue, librdkafka's default pauses fetching for a
            # second; 20 ms keeps the loop fed.
            "fetch.queue.backoff.ms": 20,
            "statistics.interval.ms": 1000,
        },
        required={
            "group.id": group,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "isolation.level": "read_committed",
            "error_cb": availability.on_error,
            "stats_cb": lambda statistics: metrics.set_lag(lags(statistics)),
        },
    )


def _producer_settings(
    settings: KafkaSettings, options: DetectorOptions, availability: Availability
) -> dict[str, Any]:
    milliseconds = int(COMMIT_SECONDS * 1000)
    required: dict[str, Any] = {
        "enable.idempotence": True,
        "acks": "all",
        "error_cb": availability.on_error,
    }
    if options.delivery == "exactly-once":
        # Unique to this process: the group's generation fences a zombie's offsets, so that the
        # id has nothing to fence, and two detectors on one host cannot fence each other by name.
        unique = f"{options.group}-{socket.gethostname()}-{uuid.uuid4().hex[:12]}"
        required |= {"transactional.id": unique, "transaction.timeout.ms": milliseconds}
    return settings.client(
        {
            "linger.ms": 0,
            "message.timeout.ms": milliseconds,
            # Back-to-back transactions meet CONCURRENT_TRANSACTIONS while the last one's markers
            # are written; with the default of 100 ms each would wait that long.
            "retry.backoff.ms": 1,
            "retry.backoff.max.ms": 10,
        },
        required=required,
    )


def _delivery(
    name: DeliveryName,
    producer_settings: dict[str, Any],
    consumer: Consumer,
    metrics: DetectorMetrics,
) -> Delivery:
    def observe(stage: Stage, seconds: float) -> None:
        metrics.stages[stage].observe(seconds)

    kind = ExactlyOnce if name == "exactly-once" else AtLeastOnce
    return kind(
        partial(make_producer, producer_settings), consumer, timeout=COMMIT_SECONDS, observe=observe
    )


def _tell_build(metrics: DetectorMetrics, model: Model) -> None:
    metrics.build.info(
        {
            "version": version("fraudstream"),
            "model_version": model.metadata.model_version,
            "model_sha256": model.metadata.model_sha256,
            "backend": model.backend,
            "device": model.device,
        }
    )
