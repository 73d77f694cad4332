"""Follows the alerts topic, and formats an alert as a line of text."""

import logging
from collections.abc import Callable
from datetime import tzinfo

from confluent_kafka import Message

from consumer.terminal_text import local_time, one_line
from events.codec import decode_alert
from events.errors import PayloadError
from events.messages import Alert
from events.topics import Topics
from kafkaio.settings import KafkaSettings
from kafkaio.topic_reader import TopicReader

logger = logging.getLogger(__name__)


def follow_alerts(
    settings: KafkaSettings,
    topics: Topics,
    *,
    show: Callable[[Alert], None],
    stopped: Callable[[], bool],
    from_beginning: bool = False,
    limit: int | None = None,
) -> int:
    """Show each alert once it is committed, until `stopped`; return how many were shown.

    A record that is no alert is logged and skipped.

    Args:
        settings: how to reach Kafka.
        topics: the topics' names.
        show: called with each alert, in the order of its partition.
        stopped: polled several times a second.
        from_beginning: show earlier alerts too.
        limit: stop after this many.

    Raises:
        KafkaIOError: if Kafka or the topic cannot be reached at the start, or the topic is deleted.
    """
    shown = 0
    with TopicReader(settings, {topics.alerts: from_beginning}) as reader:
        if not reader.connect(stopped=stopped):
            return shown
        logger.info(
            "Following %s at %s, %s.",
            topics.alerts,
            settings.broker,
            "from its beginning" if from_beginning else "new alerts only",
        )
        while not stopped():
            for message in reader.read():
                alert = read_alert(message)
                if alert is None:
                    continue
                show(alert)
                shown += 1
                if shown == limit or stopped():
                    return shown
    return shown


def read_alert(message: Message) -> Alert | None:
    """Return the alert in a record; log a record that is none, and return None."""
    try:
        return decode_alert(message.value())
    except PayloadError as error:
        logger.warning(
            "Skipped offset %s of %s [%s], which is no alert: %s",
            message.offset(),
            message.topic(),
            message.partition(),
            one_line(str(error)),
        )
        return None


def readable(alert: Alert, zone: tzinfo | None = None) -> str:
    """Return an alert as one aligned line.

    The line has event time, transaction id, amount, score and threshold, milliseconds from the
    event to its detection, and model version.

    Args:
        alert: the alert.
        zone: the time zone to show; None for this machine's.
    """
    latency = alert.detection_time_ms - alert.event_time_ms
    return (
        f"{local_time(alert.event_time_ms, zone)}  "
        f"{one_line(alert.transaction_id):<20}  "
        f"{alert.Amount:>10,.2f}  "
        f"score {alert.score:.4f} >= {alert.threshold:.4f}  "
        f"{latency:>7,} ms  "
        f"model {one_line(alert.model_version)}"
    )
