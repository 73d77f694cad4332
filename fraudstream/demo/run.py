"""Running the whole stream once: start every part, replay, watch, stop, reconcile, report."""

import threading
import time
import uuid
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
from fraudstream.demo.figures import Figures, read_figures
from fraudstream.demo.report import Circumstances, Report, make_report
from fraudstream.demo.service_process import ServiceProcess, free_port
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

# Used where they are free: those that the commands use by default.
KAFKA_PORT = 9092
DETECTOR_PORT = 8000
QUALITY_PORT = 8001

# How often the parts are scraped and the view is drawn.
LOOK_SECONDS = 0.25

# After the last transaction was sent: the detector's commit interval and the quality monitor's
# grace are seconds; a minute means that something is lost.
SETTLE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What the demo is to do.

    Attributes:
        frame: the rows to replay, as `dataset.reader.read` returns them.
        synthetic: whether they are made up.
        rate: transactions a second.
        model: the artifact's folder.
        delivery: "exactly-once" or "at-least-once".
        kafka: a Kafka that is there, or None for an embedded one.
        kafka_arguments: for the parts, how the user said to reach it, beside `--broker`; what the
            environment says they hear themselves.
        started: when the command was typed, monotonic seconds.
    """

    frame: "pd.DataFrame"
    synthetic: bool
    rate: float
    model: Path
    delivery: str
    kafka: KafkaSettings | None
    kafka_arguments: tuple[str, ...]
    started: float


def run_demo(plan: Plan, view: View) -> Report:
    """Run the stream from beginning to end; on Ctrl-C, stop every part in its order.

    Raises:
        ReconciliationError: if something was lost or counted twice.
        PartFailedError: if a part ends.
        BrokerError: if Kafka cannot be started, or its topics not be made.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="fraudstream-demo-")))
        settings = plan.kafka or KafkaSettings(f"127.0.0.1:{free_port(KAFKA_PORT)}")
        topics = Topics(f"fraudstream-demo-{uuid.uuid4().hex[:8]}." if plan.kafka else "")
        # The detector's model takes as long to load as Kafka to start, so they do it together.
        detector = stack.enter_context(_detector(plan, settings, topics, folder))
        if plan.kafka is None:
            _start_kafka(settings, view, stack)
        create_topics(settings, topics.all(), partitions=PARTITIONS, retention=None)
        if plan.kafka is not None:
            stack.callback(delete_topics, settings, topics.all())
        quality = stack.enter_context(_quality(plan, settings, topics, folder))
        for part in (detector, quality):
            part.wait_until_ready()
        view.say(
            f"Metrics: http://{detector.metrics}/metrics (detector), "
            f"http://{quality.metrics}/metrics (quality monitor)"
        )
        follower = stack.enter_context(TopicReader(settings, {topics.alerts: True}))
        follower.connect(stopped=lambda: False)
        watch = _Watch(plan, view, (detector, quality), follower)
        sent = watch.replay(settings, topics)
        figures, seconds = watch.settle(sent)
        detector.stop()
        figures = _with_outcomes(figures, quality.stop())
        committed = reconciliation.read_committed(settings, topics, GROUP)
    reconciliation.check(
        committed,
        sent=sent.delivered,
        scored=figures.scored,
        dead_lettered=figures.dead_lettered,
        flagged=figures.flagged,
    )
    circumstances = Circumstances(
        seconds=seconds,
        seconds_to_first_alert=watch.first_alert,
        delivery=plan.delivery,
        kafka_version=None if plan.kafka else KAFKA_VERSION,
        model_version=load_metadata(plan.model).model_version,
        synthetic=plan.synthetic,
    )
    return make_report(committed, figures, circumstances)


def _start_kafka(settings: KafkaSettings, view: View, stack: ExitStack) -> None:
    """Start an embedded Kafka at the address in the settings."""
    view.say(f"Starting Apache Kafka {KAFKA_VERSION} and the detector ...")
    cache = cache_folder("kafka")
    port = int(settings.broker.rpartition(":")[2])
    with progress_bar("Fetching Apache Kafka", bytes_to_fetch(cache), unit="bytes") as advance:
        stack.enter_context(
            EmbeddedBroker(cache=cache, port=port, progress=advance, remark=view.say)
        )
    view.say(f"Apache Kafka answers at {settings.broker}")


def _detector(plan: Plan, settings: KafkaSettings, topics: Topics, folder: Path) -> ServiceProcess:
    arguments = ["--model", str(plan.model), "--delivery", plan.delivery, "--group", GROUP]
    return ServiceProcess(
        "detect",
        [*_shared(plan, settings, topics), *arguments],
        folder=folder,
        preferred_port=DETECTOR_PORT,
    )


def _quality(plan: Plan, settings: KafkaSettings, topics: Topics, folder: Path) -> ServiceProcess:
    return ServiceProcess(
        "quality",
        [*_shared(plan, settings, topics), "--json"],
        folder=folder,
        preferred_port=QUALITY_PORT,
    )


def _shared(plan: Plan, settings: KafkaSettings, topics: Topics) -> list[str]:
    return ["--broker", settings.broker, "--topic-prefix", topics.prefix, *plan.kafka_arguments]


class _Watch:
    """Looks at the parts while the stream runs, and shows what it sees."""

    def __init__(
        self,
        plan: Plan,
        view: View,
        parts: tuple[ServiceProcess, ServiceProcess],
        follower: TopicReader,
    ) -> None:
        self._plan = plan
        self._view = view
        self._stop = threading.Event()
        self._detector, self._quality = parts
        self._follower = follower
        self._began = time.monotonic()
        self._sent = 0
        self._alerts = 0
        self.first_alert: float | None = None

    def replay(self, settings: KafkaSettings, topics: Topics) -> ReplayReport:
        """Replay in a thread beside; return its report."""
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
                remark=self._view.say,
            )
            try:
                while not running.done():
                    self._look()
            except BaseException:
                self._stop.set()  # the pool waits for the thread, which heeds this
                raise
            return running.result()

    def settle(self, sent: ReplayReport) -> tuple[Figures, float]:
        """Wait until all that was sent is done with and judged.

        Returns the figures then, and the seconds from the first transaction sent until the
        detector was done; labels may take longer.
        """
        deadline = time.monotonic() + SETTLE_SECONDS
        seconds: float | None = None
        while True:
            figures = self._look()
            if seconds is None and figures.scored + figures.dead_lettered >= sent.delivered:
                seconds = time.monotonic() - self._began
            judged = figures.labels >= sent.labels_delivered and self._alerts >= figures.flagged
            if seconds is not None and judged:
                return figures, seconds
            if time.monotonic() > deadline:
                raise ReconciliationError(
                    f"{SETTLE_SECONDS:.0f} s after the last of {sent.delivered:,} transactions, "
                    f"{figures.scored:,} were scored and {figures.dead_lettered:,} dead-lettered, "
                    f"{self._alerts:,} of {figures.flagged:,} alerts were there, and "
                    f"{figures.labels:,} of {sent.labels_delivered:,} labels were judged."
                )

    def _look(self) -> Figures:
        """Take alerts as they come until it is time to scrape and draw again."""
        until = time.monotonic() + LOOK_SECONDS
        while time.monotonic() < until:
            for message in self._follower.read(wait=0.05):
                self._alerts += 1
                if self.first_alert is None:
                    self.first_alert = time.monotonic() - self._plan.started
                self._view.alert(decode_alert(message.value()))
        self._detector.check()
        self._quality.check()
        figures = read_figures(self._detector.scrape(), self._quality.scrape())
        self._view.show(
            figures,
            sent=self._sent,
            total=len(self._plan.frame),
            seconds=time.monotonic() - self._began,
        )
        return figures

    def _count(self, transactions: int) -> None:
        self._sent += transactions


def _with_outcomes(figures: Figures, closing: str) -> Figures:
    """Return the figures with the quality monitor's last line in place of its last scrape."""
    outcomes = msgspec.json.decode(closing.splitlines()[-1], type=dict[str, float | None])
    return replace(
        figures,
        true_positives=int(outcomes["true_positives"] or 0),
        false_positives=int(outcomes["false_positives"] or 0),
        false_negatives=int(outcomes["false_negatives"] or 0),
        amount_caught=outcomes["amount_caught"] or 0.0,
        amount_missed=outcomes["amount_missed"] or 0.0,
    )
