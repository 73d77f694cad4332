"""The replay loop: wait until a row is due, send it and the labels due by then; then report."""

import math
import threading
from collections.abc import Callable, Iterable
from itertools import islice
from typing import TYPE_CHECKING, Protocol

from events.codec import Encoding, encode
from events.messages import Headers
from events.topics import Topics
from kafkaio.settings import KafkaSettings
from producer.errors import RowsError, UndeliveredError
from producer.labels import PendingLabels
from producer.pace import Clock, Pace, Pacer, Stop, SystemClock, Unpaced
from producer.publish import Count, Remark, ReplayProducer
from producer.report import ReplayReport
from producer.rows import Row, rows

if TYPE_CHECKING:
    import pandas as pd

LABEL_DELAY = 600.0
"""Seconds of stream time from a transaction to its label. In reality it is weeks; with ten minutes,
labels arrive within a short replay: after one second at 600 times the speed, or after 1,000 rows of
the original, which has 1.65 per second."""

# Without waits, delivery reports are served and progress is reported after this many rows, which
# take a few milliseconds.
SERVE_ROWS = 256


def replay(
    frame: "pd.DataFrame",
    settings: KafkaSettings,
    topics: Topics,
    *,
    pace: Pace | None = None,
    label_delay: float | None = LABEL_DELAY,
    encoding: Encoding = Encoding.JSON,
    limit: int | None = None,
    loop: bool = False,
    stop: Stop | None = None,
    progress: Callable[[int], None] = lambda _rows: None,
    remark: Remark = lambda _sentence: None,
    clock: Clock | None = None,
) -> ReplayReport:
    """Publish rows as transactions, and their labels later; return when Kafka confirmed them all.

    A transaction's event time (its record's timestamp) is the wall clock when it is sent. The
    stream's clock is the `Time` of the latest row, whatever the pace: a label follows the first
    row that is at least `label_delay` after its own. When the stream ends, at its last row or by
    `stop`, the remaining labels are sent immediately.

    Args:
        frame: as `dataset.reader.read` returns it; the index is the row's number in the file.
        settings: connection to Kafka.
        topics: the topics to publish to; they must exist.
        pace: `Rate`, `Speed` or `Unpaced`; None is `Unpaced`.
        label_delay: seconds of stream time, or None for no labels.
        encoding: encoding of the transactions; labels are JSON.
        limit: maximum number of transactions, over all passes.
        loop: start again after the last row, until stopped or at the limit.
        stop: once set (by another thread or a signal), no more rows are sent.
        progress: called periodically with the number of transactions sent since the last call.
        remark: called with a sentence when the connection to Kafka is lost.
        clock: the clocks; None for the system's.

    Raises:
        RowsError: if the frame is empty.
        KafkaIOError: if Kafka does not answer at the start, or rejects the connection or settings.
        TopicMissingError: if a topic is missing.
        UndeliveredError: if a record was not confirmed; sending stops at the first failure. Also
            if a KeyboardInterrupt ends the wait for confirmations.
    """
    if frame.empty:
        raise RowsError("There are no rows to replay.")
    stop = stop or threading.Event()
    clock = clock or SystemClock()
    producer = ReplayProducer(settings, remark)
    producer.connect(topics.transactions, *([topics.labels] if label_delay is not None else []))
    started = clock.monotonic()
    try:
        send_all(
            islice(rows(frame, loop=loop), limit),
            producer,
            topics,
            pace=pace or Unpaced(),
            pending=None if label_delay is None else PendingLabels(label_delay),
            encoding=encoding,
            stop=stop,
            progress=progress,
            clock=clock,
        )
        producer.drain()
    except KeyboardInterrupt:
        producer.abandon()
        if not producer.failed:
            raise
    report = ReplayReport(
        sent=producer.transactions.sent,
        delivered=producer.transactions.delivered,
        failed=producer.transactions.failed,
        labels_sent=producer.labels.sent,
        labels_delivered=producer.labels.delivered,
        seconds=clock.monotonic() - started,
    )
    if producer.failed:
        raise UndeliveredError(
            f"{report.failed:,} of {report.sent:,} transactions and {producer.labels.failed:,} of "
            f"{report.labels_sent:,} labels were not confirmed by Kafka "
            f"({producer.transactions.error or producer.labels.error}).",
            report,
        )
    return report


class RecordProducer(Protocol):
    """The methods of `ReplayProducer` that sending needs."""

    transactions: Count
    labels: Count

    @property
    def failed(self) -> int:
        """Records of either topic that were not delivered."""

    def send(
        self,
        count: Count,
        topic: str,
        key: bytes,
        value: bytes,
        timestamp_ms: int,
        headers: Headers = (),
    ) -> None:
        """Send a record; may block while the queue is full."""

    def serve(self) -> None:
        """Handle the delivery reports that have arrived; does not block."""


def send_all(
    stream: Iterable[Row],
    producer: RecordProducer,
    topics: Topics,
    *,
    pace: Pace,
    pending: PendingLabels | None,
    encoding: Encoding = Encoding.JSON,
    stop: Stop,
    progress: Callable[[int], None],
    clock: Clock,
) -> None:
    """Send every row and every label when it is due; does not drain.

    Args:
        stream: the rows in order.
        producer: sends the records and counts them.
        topics: the topics to publish to.
        pace: the schedule of the rows.
        pending: queue for the labels; None sends no labels.
        encoding: as for `replay`.
        stop: ends the stream early, as does the first failed delivery.
        progress: as for `replay`.
        clock: the clocks.
    """
    reported = 0

    def serve() -> None:
        nonlocal reported
        producer.serve()
        if producer.transactions.sent > reported:
            progress(producer.transactions.sent - reported)
            reported = producer.transactions.sent

    def send_labels(stream_seconds: float, now: int) -> None:
        for label in pending.due(stream_seconds) if pending else ():
            key = label.transaction_id.encode()
            producer.send(producer.labels, topics.labels, key, encode(label), now)

    pacer = Pacer(pace, stop, clock, idle=serve)
    for count, row in enumerate(pacer.on_time(stream)):
        now = _milliseconds(clock)
        key = row.transaction.transaction_id.encode()
        value = encoding.write(row.transaction)
        producer.send(producer.transactions, topics.transactions, key, value, now, encoding.headers)
        if pending is not None:
            pending.add(row.label_message(now), row.stream_seconds)
            send_labels(row.stream_seconds, now)
        if count % SERVE_ROWS == 0:
            serve()
        if producer.failed:
            break
    if not producer.failed:
        send_labels(math.inf, _milliseconds(clock))
    serve()


def _milliseconds(clock: Clock) -> int:
    return int(clock.wall() * 1000)
