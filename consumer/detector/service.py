"""The detector service: wires clients, model, metrics and health together and runs the loop."""

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from functools import partial
from importlib.metadata import version
from typing import Protocol

from confluent_kafka import Consumer
from prometheus_client import CollectorRegistry

from consumer.commit.at_least_once import AtLeastOnce
from consumer.commit.exactly_once import ExactlyOnce
from consumer.commit.journal import Journal
from consumer.commit.kafka_sink import WATCHDOG_SECONDS, producer_settings
from consumer.commit.output_positions import KafkaOutputPositions
from consumer.commit.patience import Patience, attempt, open_sink
from consumer.commit.recovery import JournalPartitions, JournalPositions, open_journal
from consumer.commit.sink import CommitHook, CommitSink, no_hook
from consumer.commit.watchdog import Watchdog, WatchedSink
from consumer.detector.checkpoint import Checkpoint
from consumer.detector.decide import LIMIT_BYTES, LIMIT_PROPERTY, Decider, kept_bytes
from consumer.detector.decode import Decoder
from consumer.detector.loop import Detector
from consumer.detector.metrics import DetectorMetrics
from consumer.detector.options import DetectorOptions
from consumer.detector.protocols import CommittedPositions
from consumer.detector.score import ScoreRows, WatchedModel
from consumer.detector.source import Source
from consumer.telemetry.health import Health
from consumer.telemetry.lag import LagMonitor
from consumer.telemetry.server import MetricsServer
from events.topics import Topics
from kafkaio.clients import make_consumer, make_producer, member_settings, starts_at_end
from kafkaio.connectivity import Connectivity
from kafkaio.end_offsets import EndOffsets
from kafkaio.errors import BrokerUnavailableError
from kafkaio.partitions import missing_topics
from kafkaio.permissions import require_permissions
from kafkaio.settings import KafkaSettings
from kafkaio.tls_probe import explain_failure
from kafkaio.topic_watch import TopicWatch
from model.drift_baseline import DriftBaseline

logger = logging.getLogger(__name__)


class ModelMetadata(Protocol):
    """What the service needs to know about a model."""

    @property
    def feature_names(self) -> Sequence[str]:
        """The features in the order it was trained on."""

    @property
    def threshold(self) -> float:
        """Transactions with this score or a higher one are flagged."""

    @property
    def model_version(self) -> str:
        """Its name in alerts."""

    @property
    def model_sha256(self) -> str:
        """The checksum of its file."""

    @property
    def reference(self) -> DriftBaseline | None:
        """The distributions of training that drift is measured against."""


class Model(ScoreRows, Protocol):
    """A loaded model, such as `model.serving.scorer.Scorer`."""

    @property
    def metadata(self) -> ModelMetadata:
        """What is known about it."""

    @property
    def runtime(self) -> str:
        """What computes it, as the user chooses it, for example "onnx"."""

    @property
    def backend(self) -> str:
        """The library that computes it, for example "onnxruntime"."""

    @property
    def device(self) -> str:
        """Where it is computed, for example "cpu"."""

    def warm_up(self) -> None:
        """Compile whatever scoring will use."""


def run_detector(
    settings: KafkaSettings,
    topics: Topics,
    options: DetectorOptions,
    load_model: Callable[[], Model],
    *,
    stopped: Callable[[], bool],
    registry: CollectorRegistry,
    on_ready: Callable[[], None] = lambda: None,
    hook: CommitHook = no_hook,
    wall: Callable[[], float] = time.time,
) -> None:
    """Run the detector until `stopped` returns True.

    The model is loaded and warm before the group is joined, so that no partition waits for it.

    Args:
        settings: how to reach Kafka.
        topics: what to read and write.
        options: what the user chose.
        load_model: loads it.
        stopped: called once a turn of the loop.
        registry: of the metrics.
        on_ready: called once, when the model is warm and before the group is joined.
        hook: called at each step of a commit, so that tests can fail there.
        wall: seconds since the epoch.

    Raises:
        FraudstreamError: if Kafka, a topic or the metrics' address cannot be used.
    """
    metrics = DetectorMetrics(registry)
    health = Health()
    stopped = _with_heartbeat(stopped, health)
    metrics.ready.set_function(lambda: float(health.ready() is None))
    metrics.stalled.set_function(lambda: float(len(health.stalled())))
    connectivity = Connectivity(
        settings.broker, limit=options.broker_timeout, why=partial(explain_failure, settings)
    )
    consumer = make_consumer(
        member_settings(
            settings,
            options.group,
            on_error=connectivity.on_error,
            on_statistics=LagMonitor(health, metrics.set_lag, EndOffsets(settings)).on_statistics,
        )
    )
    with ExitStack() as stack:
        server = stack.enter_context(
            MetricsServer(
                options.metrics_host,
                options.metrics_port,
                registry,
                healthy=health.healthy,
                ready=health.ready,
            )
        )
        logger.info("Metrics at http://%s/metrics", server.address)
        model = _warm_model(load_model, metrics)
        health.model_warm()
        on_ready()
        if not connectivity.connect(consumer, stopped=stopped):
            return
        require_permissions(
            settings,
            options.permissions(topics),
            stopped=stopped,
            answer_within=options.broker_timeout,
        )
        if stopped():
            return
        patience = Patience(options.broker_timeout)
        journal = None
        if options.journal:
            open_it = partial(open_journal, settings, topics, options.group)
            journal = attempt(open_it, BrokerUnavailableError, patience, stopped=stopped)
            if journal is None:
                return
        transactional_id = options.transactional_id(server.address)
        watchdog = stack.enter_context(Watchdog(WATCHDOG_SECONDS))
        sink = WatchedSink(
            _sink(settings, transactional_id, consumer, connectivity, metrics, hook), watchdog
        )
        if not open_sink(sink, patience, stopped=stopped):
            return
        checkpoint = Checkpoint(metrics, options.limit)
        outputs = None
        if transactional_id is not None and journal is None:
            outputs = stack.enter_context(
                closing(KafkaOutputPositions(settings, topics, options.group))
            )
        detector = Detector(
            Source(
                consumer,
                topics.transactions,
                TopicWatch(settings, topics.transactions),
                batch_maximum=options.batch_maximum,
                starts_at_end=starts_at_end(settings),
                committed=checkpoint.committed,
                position=checkpoint.position,
                journal=_positions(settings, journal, transactional_id),
                outputs=outputs,
                watch=watchdog.watching,
            ),
            Decoder(model.metadata.feature_names),
            WatchedModel(model, watchdog.watching),
            executor=stack.enter_context(ThreadPoolExecutor(1, thread_name_prefix="scoring")),
            decider=Decider(
                model.metadata.threshold,
                model.metadata.model_version,
                topics,
                kept_bytes(settings.properties.get(LIMIT_PROPERTY, LIMIT_BYTES)),
                group=None if transactional_id is None else options.group,
            ),
            sink=sink,
            patience=patience,
            checkpoint=checkpoint,
            metrics=metrics,
            health=health,
            commit_interval=options.commit_interval,
            journal=journal,
            on_gap=options.on_gap,
            wall=wall,
        )
        logger.info(
            "Detecting with model %s by %s (%s) on %s, %s: %s -> %s at %s",
            model.metadata.model_version,
            model.runtime,
            model.backend,
            model.device,
            options.delivery,
            topics.transactions,
            topics.alerts,
            settings.broker,
        )
        detector.run(
            stopped=stopped,
            wait_until_reachable=lambda: connectivity.wait_until_reachable(
                consumer, stopped=stopped
            ),
        )
    logger.info("Stopped and left the group.")


def _with_heartbeat(stopped: Callable[[], bool], health: Health) -> Callable[[], bool]:
    """Return `stopped`, with a heartbeat each time: whatever polls it, a wait for Kafka too, moves.

    Such a wait ends by itself, after `broker_timeout`; a restart would not shorten it.
    """

    def polled() -> bool:
        health.heartbeat()
        return stopped()

    return polled


def _warm_model(load_model: Callable[[], Model], metrics: DetectorMetrics) -> Model:
    """Load and compile the model; export what it is."""
    model = load_model()
    model.warm_up()
    metrics.build.info(
        {
            "version": version("fraudstream"),
            "model_version": model.metadata.model_version,
            "model_sha256": model.metadata.model_sha256,
            "runtime": model.runtime,
            "backend": model.backend,
            "device": model.device,
        }
    )
    metrics.drift.compare_with(model.metadata.reference, model.metadata.feature_names)
    return model


def _sink(
    settings: KafkaSettings,
    transactional_id: str | None,
    consumer: Consumer,
    connectivity: Connectivity,
    metrics: DetectorMetrics,
    hook: CommitHook,
) -> CommitSink:
    configuration = producer_settings(
        settings, transactional_id=transactional_id, on_error=connectivity.on_error
    )
    kind = AtLeastOnce if transactional_id is None else ExactlyOnce
    return kind(
        partial(make_producer, configuration),
        consumer,
        missing_topics=partial(missing_topics, consumer),
        on_adjusted=lambda topic, reason: metrics.adjusted.labels(topic, reason).inc(),
        hook=hook,
        transactional_id=transactional_id,
    )


def _positions(
    settings: KafkaSettings, journal: Journal | None, transactional_id: str | None
) -> CommittedPositions | None:
    """Return the journal's positions where they can be relied on.

    Without transactions the journal may cover offsets whose alerts were never written.
    """
    if journal is None:
        return None
    kind = JournalPartitions if transactional_id is None else JournalPositions
    return kind(settings, journal)
