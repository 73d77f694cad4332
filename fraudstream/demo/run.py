"""Runs the whole stream once: start the services, replay, watch, stop, reconcile, report."""

import threading
import time
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import msgspec

from broker.jars import KAFKA_VERSION, bytes_to_fetch
from broker.server import EmbeddedBroker
from events.codec import decode_alert
from events.topics import Topics
from fraudstream.cache import cache_folder
from fraudstream.demo import reconciliation
from fraudstream.demo.errors import ReconciliationError
from fraudstream.demo.live_metrics import LiveMetrics, read_live_metrics
from fraudstream.demo.ports import reserved_port
from fraudstream.demo.report import Circumstances, Report, make_report
from fraudstream.demo.service_process import ServiceProcess
from fraudstream.demo.view import View
from fraudstream.progress import progress_bar
from kafkaio.settings import KafkaSettings
from kafkaio.topic_reader import TopicReader
from kafkaio.topics import create_topics, delete_topics
from model.artifact.load import load_metadata
from producer.pace import Rate
from producer.replay import replay
from producer.report import ReplayReport

if TYPE_CHECKING:
    import pandas as pd

PARTITIONS = 4
GROUP = "fraudstream-detector"

# The defaults of the commands, used if they are free.
KAFKA_PORT = 9092
DETECTOR_PORT = 8000
QUALITY_PORT = 8001

# Interval between two scrapes, and two updates of the view.
SCRAPE_SECONDS = 0.25

# Limit for processing after the last transaction was sent. The detector's commit interval and the
# quality monitor's grace are seconds, so after a minute something is lost.
SETTLE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Plan:
    """The parameters of a demo.

    Attributes:
        frame: the rows to replay, as `dataset.reader.read` returns them.
        synthetic: whether they are synthetic.
        rate: transactions per second.
        model: the artifact's folder.
        delivery: "exactly-once" or "at-least-once".
        kafka: connection to an existing Kafka, or None for an embedded one.
        kafka_arguments: the user's options for that Kafka besides `--broker`, passed on to the
            services.
        environment: of the services.
        started: start of the command, monotonic seconds.
    """

    frame: "pd.DataFrame"
    synthetic: bool
    rate: float
    model: Path
    delivery: str
    kafka: KafkaSettings | None
    kafka_arguments: tuple[str, ...]
    environment: Mapping[str, str]
    started: float


def run_demo(plan: Plan, view: View) -> Report:
    """Run the stream from beginning to end; on Ctrl-C, stop the services in order.

    Raises:
        ReconciliationError: if records were lost or counted twice.
        ServiceFailedError: if a service exits.
        BrokerError: if Kafka cannot be started.
        KafkaIOError: if the topics cannot be created.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="fraudstream-demo-")))
        settings = plan.kafka or _own_kafka(stack)
        topics = Topics(f"fraudstream-demo-{uuid.uuid4().hex[:8]}." if plan.kafka else "")
        # Loading the detector's model takes as long as starting Kafka, so both run in parallel.
        detector = _start_detector(plan, settings, topics, folder, stack)
        if plan.kafka is None:
            _start_kafka(settings, view, stack)
        create_topics(settings, topics.all(), partitions=PARTITIONS, retention=None)
        if plan.kafka is not None:
            stack.callback(delete_topics, settings, topics.all())
        quality = _start_quality(plan, settings, topics, folder, stack)
        for service in (detector, quality):
            service.wait_until_ready()
        view.remark(
            f"Metrics: http://{detector.metrics}/metrics (detector), "
            f"http://{quality.metrics}/metrics (quality monitor)"
        )
        reader = stack.enter_context(TopicReader(settings, {topics.alerts: True}))
        reader.connect(stopped=lambda: False)
        watch = _Watch(plan, view, (detector, quality), reader)
        sent = watch.replay(settings, topics)
        metrics, seconds = watch.settle(sent)
        detector.stop()
        metrics = _with_outcomes(metrics, quality.stop())
        committed = reconciliation.read_committed(settings, topics, GROUP)
    reconciliation.check(
        committed,
        sent=sent.delivered,
        scored=metrics.scored,
        dead_lettered=metrics.dead_lettered,
        flagged=metrics.flagged,
    )
    circumstances = Circumstances(
        seconds=seconds,
        seconds_to_first_alert=watch.first_alert,
        delivery=plan.delivery,
        kafka_version=None if plan.kafka else KAFKA_VERSION,
        model_version=load_metadata(plan.model).model_version,
        synthetic=plan.synthetic,
    )
    return make_report(committed, metrics, circumstances)


def _start_kafka(settings: KafkaSettings, view: View, stack: ExitStack) -> None:
    """Start an embedded Kafka at the address in the settings."""
    view.remark(f"Starting Apache Kafka {KAFKA_VERSION} and the detector ...")
    cache = cache_folder("kafka")
    port = int(settings.broker.rpartition(":")[2])
    with progress_bar("Fetching Apache Kafka", bytes_to_fetch(cache), unit="bytes") as advance:
        stack.enter_context(
            EmbeddedBroker(cache=cache, port=port, progress=advance, remark=view.remark)
        )
    view.remark(f"Apache Kafka answers at {settings.broker}")


def _own_kafka(stack: ExitStack) -> KafkaSettings:
    """Return the settings of an embedded Kafka, whose port is reserved until the stack closes."""
    return KafkaSettings(f"127.0.0.1:{stack.enter_context(reserved_port(KAFKA_PORT))}")


def _start_detector(
    plan: Plan, settings: KafkaSettings, topics: Topics, folder: Path, stack: ExitStack
) -> ServiceProcess:
    arguments = ["--model", str(plan.model), "--delivery", plan.delivery, "--group", GROUP]
    return stack.enter_context(
        ServiceProcess(
            "detect",
            [*_shared(plan, settings, topics), *arguments],
            folder=folder,
            port=stack.enter_context(reserved_port(DETECTOR_PORT)),
            environment=plan.environment,
        )
    )


def _start_quality(
    plan: Plan, settings: KafkaSettings, topics: Topics, folder: Path, stack: ExitStack
) -> ServiceProcess:
    return stack.enter_context(
        ServiceProcess(
            "quality",
            [*_shared(plan, settings, topics), "--json"],
            folder=folder,
            port=stack.enter_context(reserved_port(QUALITY_PORT)),
            environment=plan.environment,
        )
    )


def _shared(plan: Plan, settings: KafkaSettings, topics: Topics) -> list[str]:
    return ["--broker", settings.broker, "--topic-prefix", topics.prefix, *plan.kafka_arguments]


class _Watch:
    """Scrapes the services while the stream runs, and updates the view."""

    def __init__(
        self,
        plan: Plan,
        view: View,
        services: tuple[ServiceProcess, ServiceProcess],
        reader: TopicReader,
    ) -> None:
        self._plan = plan
        self._view = view
        self._stop = threading.Event()
        self._detector, self._quality = services
        self._reader = reader
        self._began = time.monotonic()
        self._sent = 0
        self._alerts = 0
        self.first_alert: float | None = None

    def replay(self, settings: KafkaSettings, topics: Topics) -> ReplayReport:
        """Replay in a second thread; return its report."""
        with ThreadPoolExecutor(1, thread_name_prefix="replay") as pool:
            self._began = time.monotonic()
            running = pool.submit(
                replay,
                self._plan.frame,
                settings,
                topics,
                pace=Rate(self._plan.rate),
                stop=self._stop,
                progress=self._count,
                remark=self._view.remark,
            )
            try:
                while not running.done():
                    self._update()
            except BaseException:
                self._stop.set()  # ends the thread, which the pool waits for
                raise
            return running.result()

    def settle(self, sent: ReplayReport) -> tuple[LiveMetrics, float]:
        """Wait until all records are processed and all labels joined.

        Returns the final metrics, and the seconds from the first transaction sent until the
        detector had processed the last one; labels may take longer.
        """
        deadline = time.monotonic() + SETTLE_SECONDS
        seconds: float | None = None
        while True:
            metrics = self._update()
            if seconds is None and metrics.scored + metrics.dead_lettered >= sent.delivered:
                seconds = time.monotonic() - self._began
            joined = metrics.labels >= sent.labels_delivered and self._alerts >= metrics.flagged
            if seconds is not None and joined:
                return metrics, seconds
            if time.monotonic() > deadline:
                raise ReconciliationError(
                    f"{SETTLE_SECONDS:.0f} s after the last of {sent.delivered:,} transactions, "
                    f"{metrics.scored:,} were scored and {metrics.dead_lettered:,} dead-lettered, "
                    f"{self._alerts:,} of {metrics.flagged:,} alerts had been read, and "
                    f"{metrics.labels:,} of {sent.labels_delivered:,} labels had been joined."
                )

    def _update(self) -> LiveMetrics:
        """Read alerts until the next scrape is due; then scrape and update the view."""
        until = time.monotonic() + SCRAPE_SECONDS
        while time.monotonic() < until:
            for message in self._reader.read(wait=0.05):
                self._alerts += 1
                if self.first_alert is None:
                    self.first_alert = time.monotonic() - self._plan.started
                self._view.alert(decode_alert(message.value()))
        self._detector.check()
        self._quality.check()
        metrics = read_live_metrics(self._detector.scrape(), self._quality.scrape())
        self._view.show(
            metrics,
            sent=self._sent,
            total=len(self._plan.frame),
            seconds=time.monotonic() - self._began,
        )
        return metrics

    def _count(self, transactions: int) -> None:
        self._sent += transactions


def _with_outcomes(metrics: LiveMetrics, output: str) -> LiveMetrics:
    """Return the metrics with the outcomes from the last line of the quality monitor."""
    outcomes = msgspec.json.decode(output.splitlines()[-1], type=dict[str, float | None])
    return replace(
        metrics,
        true_positives=int(outcomes["true_positives"] or 0),
        false_positives=int(outcomes["false_positives"] or 0),
        false_negatives=int(outcomes["false_negatives"] or 0),
        amount_caught=outcomes["amount_caught"] or 0.0,
        amount_missed=outcomes["amount_missed"] or 0.0,
    )
