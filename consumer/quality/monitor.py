"""The quality monitor: live precision, recall and missed money, from alerts and labels."""

import logging
import time
from collections.abc import Callable

from confluent_kafka import Message
from prometheus_client import CollectorRegistry

from consumer.alerts.follow import read_alert
from consumer.detector.metrics import Outcome, QualityMetrics
from consumer.quality.label_join import LabelJoin, QualityReport, figures
from consumer.telemetry.health import STUCK_SECONDS
from consumer.telemetry.server import MetricsServer
from events.codec import decode_label
from events.errors import PayloadError
from events.topics import Topics
from kafkaio.settings import KafkaSettings
from kafkaio.topic_reader import TopicReader

logger = logging.getLogger(__name__)

# Labels beyond this many wait in Kafka until the held ones are judged. One costs 300 bytes here,
# so 150 MB at most; with a grace of 2 s that is still 250,000 labels a second.
HELD_MAXIMUM = 500_000

# How long a stop may take to read what is there already: less than the 10 s after which
# container runtimes kill.
CLOSING_SECONDS = 5.0


class QualityMonitor:
    """Reads alerts and labels, has them judged, exports and shows the outcomes.

    Args:
        topics: whose alerts and labels.
        outcomes: who judges.
        metrics: where the outcomes are counted.
        show: called with the figures at the beginning and when they changed; the last call has
            the closing ones.
        every: seconds between two of these calls, at least.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        topics: Topics,
        outcomes: LabelJoin,
        metrics: QualityMetrics,
        *,
        show: Callable[[QualityReport], None],
        every: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._topics = topics
        self._outcomes = outcomes
        self._metrics = metrics
        self._show = show
        self._every = every
        self._clock = clock
        self._moved = clock()
        self._judging = 0.0  # seconds with every alert in sight: grace runs only in these
        self._caught_up = False
        self._marked = True  # by `connect`
        self._shown: QualityReport | None = None
        self._next_show = self._moved
        self._paused = False
        self._unreadable = 0
        self._unready: str | None = "Kafka has not answered yet"

    def healthy(self) -> str | None:
        """Return None, or why the process should be restarted."""
        still = self._clock() - self._moved
        return None if still < STUCK_SECONDS else f"the loop has not moved for {still:.0f} s"

    def ready(self) -> str | None:
        """Return None, or why labels are not being judged now."""
        return self._unready

    def run(self, follower: TopicReader, *, stopped: Callable[[], bool]) -> None:
        """Judge until `stopped` says so; then read to the end, judge all, show the last figures.

        The alerts that are there at the beginning, or when Kafka returns, are read before any
        label is judged, so that none is judged without an alert that was raised long before.

        Args:
            follower: connected, and reading the alerts from their beginning.
            stopped: asked several times a second.
        """
        self._catch_up(follower)
        self._hold_back(follower)
        while not stopped():
            self._read(follower)
            self._catch_up(follower)
            self._judge_due()
            self._hold_back(follower)
            if self._moved >= self._next_show:
                self._next_show = self._moved + self._every
                self._show_change()
        self._close(follower)

    def _read(self, follower: TopicReader) -> None:
        for message in follower.read():
            if message.topic() == self._topics.alerts:
                self._take_alert(message)
            else:
                self._take_label(message)

    def _catch_up(self, follower: TopicReader) -> None:
        """Note whether the alerts raised while we could not read have been read."""
        if follower.away:
            self._caught_up = self._marked = False
            self._unready = "Kafka does not answer"
        elif not self._caught_up:
            self._unready = "the alerts that are there already are being read"
            self._marked = self._marked or follower.mark()
            if self._marked and follower.arrived([self._topics.alerts]):
                self._caught_up = True
                self._unready = None

    def _judge_due(self) -> None:
        now = self._clock()
        if self._caught_up:
            self._judging += now - self._moved
        self._moved = now
        self._count(self._outcomes.judge(self._judging))

    def _hold_back(self, follower: TopicReader) -> None:
        """Leave labels in Kafka while they could not be judged, or too many wait already."""
        if not self._caught_up or self._outcomes.held >= HELD_MAXIMUM:
            self._pause(follower)
        else:
            self._resume(follower)

    def _close(self, follower: TopicReader) -> None:
        """Read what is there at this moment, then judge every label that is held."""
        self._resume(follower)
        marked = follower.mark()
        deadline = self._clock() + CLOSING_SECONDS
        both = (self._topics.alerts, self._topics.labels)
        while marked and not follower.arrived(both) and self._clock() < deadline:
            self._read(follower)
            self._judge_due()
        if not marked or not follower.arrived(both):
            logger.warning("Stopped before the end of the topics: the figures are of a part.")
        self._count(self._outcomes.judge())
        self._show_change()
        self._say_doubts()

    def _say_doubts(self) -> None:
        if self._outcomes.late:
            logger.warning(
                "%d alerts came after their label had been judged without them, as not flagged; "
                "a longer --grace waits for them.",
                self._outcomes.late,
            )
        if self._outcomes.forgotten:
            logger.warning(
                "%d alerts were forgotten before a label came; their transactions count as not "
                "flagged.",
                self._outcomes.forgotten,
            )
        if self._unreadable:
            logger.warning("%d records could not be read and were passed over.", self._unreadable)

    def _take_alert(self, message: Message) -> None:
        alert = read_alert(message)
        if alert is None:
            self._unreadable += 1
        else:
            self._outcomes.alert(alert.transaction_id)

    def _take_label(self, message: Message) -> None:
        try:
            label = decode_label(message.value())
        except PayloadError as error:
            if not self._unreadable:
                logger.warning("What is no label is passed over; the first one: %s", error)
            self._unreadable += 1
        else:
            self._outcomes.label(label, self._judging)

    def _count(self, judged: list[tuple[Outcome, float]]) -> None:
        for outcome, amount in judged:
            self._metrics.labels[outcome].inc()
            self._metrics.amount[outcome].inc(amount)

    def _show_change(self) -> None:
        now = figures(self._outcomes)
        if now != self._shown:
            self._shown = now
            self._show(now)

    def _pause(self, follower: TopicReader) -> None:
        if not self._paused:
            follower.pause(self._topics.labels)
            self._paused = True

    def _resume(self, follower: TopicReader) -> None:
        if self._paused:
            follower.resume(self._topics.labels)
            self._paused = False


def run_quality(
    settings: KafkaSettings,
    topics: Topics,
    *,
    grace: float,
    from_beginning: bool,
    metrics_host: str,
    metrics_port: int,
    registry: CollectorRegistry,
    show: Callable[[QualityReport], None],
    every: float,
    stopped: Callable[[], bool],
) -> None:
    """Serve metrics and monitor quality until `stopped` says so.

    Args:
        settings: how to reach Kafka.
        topics: whose alerts and labels.
        grace: seconds a label waits for its alert.
        from_beginning: also labels that are there already; alerts are always read from their
            beginning, since the label of an old one may still come.
        metrics_host: where /metrics, /healthz and /readyz are served.
        metrics_port: likewise; 0 is a free one.
        registry: where the metrics are kept.
        show: called with the figures at the beginning and when they changed; the last call has
            the closing ones.
        every: seconds between two of these calls, at least.
        stopped: asked several times a second.

    Raises:
        ConsumerError: if Kafka, a topic or the metrics' address cannot be used.
    """
    monitor = QualityMonitor(
        topics, LabelJoin(grace=grace), QualityMetrics(registry), show=show, every=every
    )
    with (
        MetricsServer(
            metrics_host, metrics_port, registry, healthy=monitor.healthy, ready=monitor.ready
        ) as server,
        TopicReader(settings, {topics.alerts: True, topics.labels: from_beginning}) as follower,
    ):
        logger.info("Metrics at http://%s/metrics", server.address)
        if follower.connect(stopped=stopped):
            logger.info("Judging %s by %s at %s.", topics.alerts, topics.labels, settings.broker)
            monitor.run(follower, stopped=stopped)
