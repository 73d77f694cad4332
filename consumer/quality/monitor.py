"""The quality monitor: reports live precision, recall and missed money from alerts and labels."""

import logging
import time
from collections.abc import Callable
from contextlib import ExitStack

from confluent_kafka import Message
from prometheus_client import CollectorRegistry

from consumer.alerts.follow import read_alert
from consumer.quality.label_join import LabelJoin, Outcome, QualityReport, quality_report
from consumer.quality.label_positions import LabelPositions
from consumer.quality.metrics import QualityMetrics
from consumer.telemetry.health import STUCK_SECONDS
from consumer.telemetry.server import MetricsServer
from events.codec import decode_label
from events.errors import PayloadError
from events.topics import Topics
from kafkaio.group_positions import GroupPositions
from kafkaio.settings import KafkaSettings
from kafkaio.topic_reader import TopicReader

logger = logging.getLogger(__name__)

# Labels beyond this many wait in Kafka until the held ones are judged. One costs 300 bytes here,
# so 150 MB at most; with a grace of 2 s that is still 250,000 labels a second.
HELD_MAXIMUM = 500_000

# Labels that are due are judged at most this often, since it takes a request for each partition.
JUDGING_SECONDS = 0.5

# How long a stop may read up to the present end of the topics: less than the 10 s after which
# container runtimes kill.
CLOSING_SECONDS = 5.0


class QualityMonitor:
    """Reads alerts and labels, joins them, and exports and shows the outcomes.

    Args:
        topics: the topics' names.
        label_join: joins alerts with labels.
        metrics: count the outcomes.
        show: called with the report at the beginning and when it has changed; the last call has
            the final report.
        every: seconds between two calls of `show`, at least.
        positions: stores how far the labels are judged; None for nowhere.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        topics: Topics,
        label_join: LabelJoin,
        metrics: QualityMetrics,
        *,
        show: Callable[[QualityReport], None],
        every: float,
        positions: LabelPositions | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._topics = topics
        self._positions = positions
        self._label_join = label_join
        self._metrics = metrics
        self._show = show
        self._every = every
        self._clock = clock
        self._moved = clock()
        self._judging = 0.0  # seconds with all alerts read: grace periods run only in these
        self._due_until: float | None = None  # of the labels that wait for the alerts to be read
        self._next_judging = self._moved
        self._caught_up = False
        self._has_snapshot = True  # of `connect`
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
        """Return None, or why labels are not being judged at present."""
        return self._unready

    def run(self, reader: TopicReader, *, stopped: Callable[[], bool]) -> None:
        """Judge until `stopped`; then read to the end, judge all labels, show the final report.

        Alerts raised before the start or during an outage are read before any label is judged, so
        that no label is judged without an alert that was raised long before. A label is judged once
        all alerts were read that had been raised when its grace period was over.

        Args:
            reader: connected, and reading the alerts from their beginning.
            stopped: polled several times a second.
        """
        self._catch_up(reader)
        self._hold_back(reader)
        while not stopped():
            self._read(reader)
            self._catch_up(reader)
            self._judge_due(reader)
            self._hold_back(reader)
            if self._moved >= self._next_show:
                self._next_show = self._moved + self._every
                self._show_change()
        self._close(reader)

    def _read(self, reader: TopicReader) -> None:
        for message in reader.read():
            if message.topic() == self._topics.alerts:
                self._take_alert(message)
            else:
                self._take_label(message)
                if self._positions is not None:
                    partition = (str(message.topic()), message.partition() or 0)
                    accepted = self._label_join.totals.labels + self._label_join.held
                    self._positions.read(partition, (message.offset() or 0) + 1, accepted)

    def _catch_up(self, reader: TopicReader) -> None:
        """Check whether the alerts raised before the start or during an outage were read."""
        if reader.is_broker_away:
            self._caught_up = self._has_snapshot = False
            self._due_until = None
            self._unready = "Kafka does not answer"
        elif not self._caught_up:
            self._unready = "earlier alerts are still being read"
            self._has_snapshot = self._has_snapshot or reader.snapshot_ends()
            if self._has_snapshot and reader.has_caught_up([self._topics.alerts]):
                self._caught_up = True
                self._unready = None

    def _judge_due(self, reader: TopicReader) -> None:
        now = self._clock()
        if self._caught_up:
            self._judging += now - self._moved
            self._look_for_due(reader, now)
        self._moved = now
        if self._due_until is not None and reader.has_caught_up([self._topics.alerts]):
            self._count(self._label_join.judge(self._due_until))
            self._due_until = None
        if self._positions is not None and self._caught_up:
            self._positions.judged(self._label_join.totals.labels, now)

    def _look_for_due(self, reader: TopicReader, now: float) -> None:
        """Note where the alerts end, if labels are due: those up to there are read first."""
        is_time = self._due_until is None and now >= self._next_judging
        if is_time and self._label_join.has_due(self._judging) and reader.snapshot_ends():
            self._due_until = self._judging
            self._next_judging = now + JUDGING_SECONDS

    def _hold_back(self, reader: TopicReader) -> None:
        """Leave labels in Kafka while they cannot be judged, or too many wait already."""
        if not self._caught_up or self._label_join.held >= HELD_MAXIMUM:
            self._pause(reader)
        else:
            self._resume(reader)

    def _close(self, reader: TopicReader) -> None:
        """Read up to the present end of the topics, then judge every held label."""
        self._resume(reader)
        has_snapshot = reader.snapshot_ends()
        deadline = self._clock() + CLOSING_SECONDS
        both = (self._topics.alerts, self._topics.labels)
        while has_snapshot and not reader.has_caught_up(both) and self._clock() < deadline:
            self._read(reader)
            self._moved = self._clock()
        if not has_snapshot or not reader.has_caught_up(both):
            logger.warning("Stopped before the end of the topics: the report is incomplete.")
        self._count(self._label_join.judge())
        if self._positions is not None and has_snapshot:
            self._positions.close(self._label_join.totals.labels)
        self._show_change()
        self._log_doubts()

    def _log_doubts(self) -> None:
        if self._label_join.late:
            logger.warning(
                "%d alerts arrived after their label was judged as not flagged; "
                "a longer grace period waits for them.",
                self._label_join.late,
            )
        if self._label_join.forgotten:
            logger.warning(
                "%d alerts were dropped before a label arrived; their transactions count as not "
                "flagged.",
                self._label_join.forgotten,
            )
        if self._unreadable:
            logger.warning("%d records could not be decoded and were skipped.", self._unreadable)

    def _take_alert(self, message: Message) -> None:
        alert = read_alert(message)
        if alert is None:
            self._unreadable += 1
        else:
            self._label_join.alert(alert.transaction_id)

    def _take_label(self, message: Message) -> None:
        try:
            label = decode_label(message.value())
        except PayloadError as error:
            if not self._unreadable:
                logger.warning("Records that are no labels are skipped; the first one: %s", error)
            self._unreadable += 1
        else:
            self._label_join.label(label, self._judging)

    def _count(self, judged: list[tuple[Outcome, float]]) -> None:
        for outcome, amount in judged:
            self._metrics.labels[outcome].inc()
            self._metrics.amount[outcome].inc(amount)

    def _show_change(self) -> None:
        report = quality_report(self._label_join)
        if report != self._shown:
            self._shown = report
            self._show(report)

    def _pause(self, reader: TopicReader) -> None:
        if not self._paused:
            reader.pause(self._topics.labels)
            self._paused = True

    def _resume(self, reader: TopicReader) -> None:
        if self._paused:
            reader.resume(self._topics.labels)
            self._paused = False


def run_quality(
    settings: KafkaSettings,
    topics: Topics,
    *,
    grace: float,
    from_beginning: bool,
    group: str | None = None,
    metrics_host: str,
    metrics_port: int,
    registry: CollectorRegistry,
    show: Callable[[QualityReport], None],
    every: float,
    stopped: Callable[[], bool],
) -> None:
    """Serve metrics and monitor quality until `stopped`.

    Args:
        settings: how to reach Kafka.
        topics: the topics' names.
        grace: seconds that a label waits for its alert.
        from_beginning: judge earlier labels too; alerts are always read from their beginning,
            since the label of an old one may still arrive.
        group: stores, as its offsets, how far the labels are judged, and the next monitor of the
            group continues there, whatever `from_beginning` is; None stores nothing.
        metrics_host: where /metrics, /healthz and /readyz are served.
        metrics_port: likewise; 0 is a free one.
        registry: of the metrics.
        show: called with the report at the beginning and when it has changed; the last call has
            the final report.
        every: seconds between two calls of `show`, at least.
        stopped: polled several times a second.

    Raises:
        KafkaIOError: if Kafka or a topic cannot be used.
        AddressError: if the metrics' address cannot be used.
    """
    with ExitStack() as stack:
        positions = None
        if group is not None:
            store = stack.enter_context(GroupPositions(settings, group))
            positions = LabelPositions(store, topics.labels, from_beginning=from_beginning)
        monitor = QualityMonitor(
            topics,
            LabelJoin(grace=grace),
            QualityMetrics(registry),
            show=show,
            every=every,
            positions=positions,
        )
        server = stack.enter_context(
            MetricsServer(
                metrics_host, metrics_port, registry, healthy=monitor.healthy, ready=monitor.ready
            )
        )
        reader = stack.enter_context(
            TopicReader(
                settings,
                {topics.alerts: True, topics.labels: from_beginning},
                starts=None if positions is None else positions.starts,
            )
        )
        logger.info("Metrics at http://%s/metrics", server.address)
        if reader.connect(stopped=stopped):
            logger.info("Joining %s with %s at %s.", topics.alerts, topics.labels, settings.broker)
            monitor.run(reader, stopped=stopped)
