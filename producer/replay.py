"""The loop: wait until a row is due, send it, send the labels that are known by then, report."""

import math
import threading
from collections.abc import Callable, Iterable
from itertools import islice
from typing import TYPE_CHECKING

from events.codec import Encoding, encode
from events.topics import Topics
from kafkaio.settings import KafkaSettings
from producer.errors import RowsError, UndeliveredError
from producer.labels import PendingLabels
from producer.pace import Clock, Pace, Pacer, SystemClock, Unpaced
from producer.publish import Remark, ReplayProducer
from producer.report import ReplayReport
from producer.rows import Row, rows

if TYPE_CHECKING:
    import pandas as pd

LABEL_DELAY = 600.0
"""Seconds of stream time from a transaction to its label. In life it is weeks; ten minutes let a
short replay show labels arriving: one second at --speed 600, 1,000 rows of the original's 1.65 a
second."""

# Delivery reports are handled, and progress told, after so many rows when there is no waiting:
# a few milliseconds' worth.
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
    stop: threading.Event | None = None,
    progress: Callable[[int], None] = lambda _rows: None,
    remark: Remark = lambda _sentence: None,
    clock: Clock | None = None,
) -> ReplayReport:
    """Publish the rows as transactions, and their labels later; return when all is confirmed.

    A transaction's event time (its record's timestamp) is the wall clock when it is sent. The
    stream's clock is the `Time` of the latest row, whatever the pace: a label follows the first
    row that is at least `label_delay` after its own. Where the stream ends, at its last row or by
    `stop`, so does its clock, and the remaining labels follow at once.

    Args:
        frame: as `dataset.reader.read` returns it; the index is the row's number in the file.
        settings: how to reach Kafka.
        topics: where to publish; the topics must exist.
        pace: `Rate`, `Speed` or `Unpaced`; None is `Unpaced`.
        label_delay: seconds of stream time, or None for no labels.
        encoding: of the transactions; labels are JSON.
        limit: send so many transactions at most, all passes together.
        loop: begin again after the last row, until stopped or at the limit.
        stop: when set (by another thread or a signal), sends no more rows, drains and returns.
        progress: called now and then with how many more transactions were sent.
        remark: called with a sentence when Kafka goes away in the middle.
        clock: the time; the system's unless a test turns it.

    Raises:
        RowsError: if the frame is empty.
        KafkaIOError: if Kafka does not answer at the start, or rejects us or the settings.
        TopicMissingError: if a topic is missing.
        UndeliveredError: if anything sent was not confirmed; sending stops at the first failure.
            Also when a KeyboardInterrupt cuts the waiting for confirmations short.
    """
    if frame.empty:
        raise RowsError("There is no row to replay.")
    stop = stop or threading.Event()
    clock = clock or SystemClock()
    outlet = ReplayProducer(settings, remark)
    outlet.connect(topics.transactions, *([topics.labels] if label_delay is not None else []))
    started = clock.monotonic()
    try:
        send_all(
            islice(rows(frame, loop=loop), limit),
            outlet,
            topics,
            pace=pace or Unpaced(),
            pending=None if label_delay is None else PendingLabels(label_delay),
            encoding=encoding,
            stop=stop,
            progress=progress,
            clock=clock,
        )
        outlet.drain()
    except KeyboardInterrupt:
        outlet.abandon()
        if not outlet.failed:
            raise
    report = ReplayReport(
        sent=outlet.transactions.sent,
        delivered=outlet.transactions.delivered,
        failed=outlet.transactions.failed,
        labels_sent=outlet.labels.sent,
        labels_delivered=outlet.labels.delivered,
        seconds=clock.monotonic() - started,
    )
    if outlet.failed:
        raise UndeliveredError(
            f"{report.failed:,} of {report.sent:,} transactions and {outlet.labels.failed:,} of "
            f"{report.labels_sent:,} labels were not confirmed by Kafka "
            f"({outlet.transactions.error or outlet.labels.error}).",
            report,
        )
    return report


def send_all(
    stream: Iterable[Row],
    outlet: ReplayProducer,
    topics: Topics,
    *,
    pace: Pace,
    pending: PendingLabels | None,
    encoding: Encoding = Encoding.JSON,
    stop: threading.Event,
    progress: Callable[[int], None],
    clock: Clock,
) -> None:
    """Send every row when it is due and every label when it is known; does not drain.

    Args:
        stream: the rows in order.
        outlet: takes the records and counts them.
        topics: where to publish.
        pace: when a row is due.
        pending: holds the labels back; None sends none.
        encoding: as for `replay`.
        stop: ends the stream early, as does the first failed delivery.
        progress: as for `replay`.
        clock: the time.
    """
    told = 0

    def serve() -> None:
        nonlocal told
        outlet.serve()
        if outlet.transactions.sent > told:
            progress(outlet.transactions.sent - told)
            told = outlet.transactions.sent

    def send_labels(stream_seconds: float, now: int) -> None:
        for label in pending.due(stream_seconds) if pending else ():
            key = label.transaction_id.encode()
            outlet.send(outlet.labels, topics.labels, key, encode(label), now)

    pacer = Pacer(pace, stop, clock, idle=serve)
    for count, row in enumerate(pacer.on_time(stream)):
        now = _milliseconds(clock)
        key = row.transaction.transaction_id.encode()
        value = encoding.write(row.transaction)
        outlet.send(outlet.transactions, topics.transactions, key, value, now, encoding.headers)
        if pending is not None:
            pending.add(row.label_message(now), row.stream_seconds)
            send_labels(row.stream_seconds, now)
        if count % SERVE_ROWS == 0:
            serve()
        if outlet.failed:
            break
    if not outlet.failed:
        send_labels(math.inf, _milliseconds(clock))
    serve()


def _milliseconds(clock: Clock) -> int:
    return int(clock.wall() * 1000)
