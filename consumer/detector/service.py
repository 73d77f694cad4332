"""Putting the detector together: clients, model, metrics, health; then running it."""

import gc
import logging
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from typing import Any, Literal, Protocol

from confluent_kafka import Consumer
from prometheus_client import CollectorRegistry

from consumer.commit.at_least_once import AtLeastOnce
from consumer.commit.exactly_once import ExactlyOnce
from consumer.commit.producing import COMMIT_SECONDS, WATCHDOG_SECONDS, producer_settings
from consumer.commit.recovery import JournalPositions, open_journal
from consumer.commit.sink import CommitHook, CommitSink, pass_by
from consumer.commit.watchdog import Watchdog, WatchedSink
from consumer.detector.dead_letter_limit import DeadLetterLimit
from consumer.detector.decode import Decoder
from consumer.detector.loop import Detector
from consumer.detector.metrics import DetectorMetrics, Stage
from consumer.detector.score import Scorer
from consumer.detector.source import Source
from consumer.telemetry.health import Health
from consumer.telemetry.lag import lags
from consumer.telemetry.server import MetricsServer
from events.topics import Topics
from kafkaio.clients import make_consumer, make_producer, member_settings
from kafkaio.connectivity import Connectivity, Reachability
from kafkaio.permissions import Permission, require_permissions
from kafkaio.settings import KafkaSettings
from kafkaio.tls_probe import explain_failure
from model.drift_baseline import DriftBaseline

logger = logging.getLogger(__name__)

# Python's collector looks at what is new after every 700 new objects. A batch is made of tens of
# thousands, which all go when it is done with: looking at them is a twentieth of the work.
YOUNG_OBJECTS = 100_000

DeliveryName = Literal["exactly-once", "at-least-once"]


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

    @property
    def reference(self) -> DriftBaseline | None:
        """What drift is told by."""


class Model(Scorer, Protocol):
    """What the service asks of a model, as `model.serving.scorer.Scorer` answers it."""

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
        dead_letter_ratio: as `consumer.detector.dead_letter_limit.DeadLetterLimit`.
        dead_letters_in_a_row: likewise.
        journal: whether each commit also says what it covers, in `Topics.journal`; exactly-once
            goes on where the journal ends, should Kafka have forgotten.
        metrics_host: where /metrics, /healthz and /readyz are served.
        metrics_port: likewise; 0 is a free one.
    """

    group: str
    delivery: DeliveryName
    batch_maximum: int
    wait_maximum: float
    commit_interval: float
    broker_timeout: float
    dead_letter_ratio: float
    dead_letters_in_a_row: int
    journal: bool
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
    reached: CommitHook = pass_by,
    wall: Callable[[], float] = time.time,
) -> None:
    """Run the detector until `stopped` says so.

    The model is loaded and warm before the group is joined, so that no partition waits for it.

    Args:
        settings: how to reach Kafka.
        topics: what to read and write.
        options: what the user chose.
        load_model: loads it.
        stopped: asked once a turn of the loop.
        registry: of the metrics.
        reached: told of each step of a commit, so that tests can fail there.
        wall: seconds since the epoch.

    Raises:
        ConsumerError: if Kafka, a topic or the metrics' address cannot be used.
    """
    metrics = DetectorMetrics(registry)
    health = Health()
    metrics.ready.set_function(lambda: float(health.ready() is None))
    availability = Connectivity(
        settings.broker,
        limit=options.broker_timeout,
        why=partial(explain_failure, settings),
    )
    consumer = make_consumer(
        member_settings(
            settings,
            options.group,
            on_error=availability.on_error,
            on_statistics=lambda statistics: metrics.set_lag(lags(statistics)),
        )
    )
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
        # 300,000 objects have come with TensorFlow. Python's collector would look at each again
        # and again, for 100 ms or more at a time, in which nothing is scored.
        gc.collect()
        gc.freeze()
        gc.set_threshold(YOUNG_OBJECTS)
        health.warm()
        _tell_build(metrics, model)
        metrics.drift.compare_with(model.metadata.reference, model.metadata.feature_names)
        if not availability.connect(consumer, stopped=stopped):
            return
        require_permissions(settings, _rights(topics, options), stopped=stopped)
        if stopped():
            return
        journal = open_journal(settings, topics, options.group) if options.journal else None
        # At least once, the journal may say that something is done whose alerts are not written.
        transactional_id = _member(options, server.address)
        producing = producer_settings(
            settings,
            transactional_id=transactional_id,
            on_error=availability.on_error,
        )
        delivery = WatchedSink(
            _delivery(transactional_id, producing, consumer, metrics, reached),
            Watchdog(WATCHDOG_SECONDS),
        )
        delivery.open()
        detector = Detector(
            Source(
                consumer,
                topics.transactions,
                batch_maximum=options.batch_maximum,
                wait_maximum=options.wait_maximum,
                done=JournalPositions(settings, journal) if journal and transactional_id else None,
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
            limit=DeadLetterLimit(options.dead_letter_ratio, options.dead_letters_in_a_row),
            journal=journal,
            wall=wall,
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
            reachability = availability.wait_until_reachable(consumer, stopped=stopped)
            if reachability is Reachability.RECOVERED:
                delivery.open()
            return reachability is not Reachability.STOPPED

        detector.run(stopped=stopped, reachable=reachable)
    logger.info("Stopped; the group is left.")


def _rights(topics: Topics, options: DetectorOptions) -> list[Permission]:
    """Return what Kafka must let a detector do; a transactional id is asked for when it is used."""
    rights = [
        Permission("Read", "topic", topics.transactions),
        Permission("Write", "topic", topics.dead_letters),
        Permission("Write", "topic", topics.alerts),
        Permission("Read", "group", options.group),
    ]
    if options.journal:
        rights += [
            Permission("Read", "topic", topics.journal),
            Permission("Write", "topic", topics.journal),
        ]
    return rights


def _member(options: DetectorOptions, metrics_address: str) -> str | None:
    """Return the detector's transactional id, None where it commits without transactions.

    Stable over restarts, so that a new process ends what its killed predecessor left open instead
    of everybody waiting for its timeout; and no two processes have the same, since machines,
    containers and pods have names of their own, and within one of them the system gives the
    metrics' address to one process at a time.
    """
    if options.delivery == "at-least-once":
        return None
    return f"{options.group}-{socket.gethostname()}-{metrics_address}"


def _delivery(
    transactional_id: str | None,
    producing: dict[str, Any],
    consumer: Consumer,
    metrics: DetectorMetrics,
    reached: CommitHook,
) -> CommitSink:
    def observe(stage: Stage, seconds: float) -> None:
        metrics.stages[stage].observe(seconds)

    kind = AtLeastOnce if transactional_id is None else ExactlyOnce
    return kind(
        partial(make_producer, producing),
        consumer,
        timeout=COMMIT_SECONDS,
        observe=observe,
        reached=reached,
        transactional_id=transactional_id,
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
