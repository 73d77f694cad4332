"""Following the alerts: each one to whoever wants to see it, and as a line for people."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo

from confluent_kafka import Message

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
    """Show every alert, as it is committed, until `stopped` says so; return how many were shown.

    What is no alert costs a line in the log and nothing else.

    Args:
        settings: how to reach Kafka.
        topics: whose alerts.
        show: called with each alert, in the order of its partition.
        stopped: asked several times a second.
        from_beginning: also those that are there already.
        limit: stop after this many.

    Raises:
        ConsumerError: if Kafka or the topic cannot be reached at the start, or the topic goes.
    """
    shown = 0
    with TopicReader(settings, {topics.alerts: from_beginning}) as follower:
        if not follower.connect(stopped=stopped):
            return shown
        logger.info(
            "Following %s at %s, %s.",
            topics.alerts,
            settings.broker,
            "from its beginning" if from_beginning else "new alerts only",
        )
        while not stopped():
            for message in follower.read():
                alert = read_alert(message)
                if alert is None:
                    continue
                show(alert)
                shown += 1
                if shown == limit or stopped():
                    return shown
    return shown


def read_alert(message: Message) -> Alert | None:
    """Return the alert in a record, or None after having said in the log that it is none."""
    try:
        return decode_alert(message.value())
    except PayloadError as error:
        logger.warning(
            "Passed over offset %s of %s [%s], which is no alert: %s",
            message.offset(),
            message.topic(),
            message.partition(),
            one_line(str(error)),
        )
        return None


def readable(alert: Alert, zone: tzinfo | None = None) -> str:
    """Return the alert as one aligned line.

    Event time, transaction, money, score against threshold, milliseconds from the event to its
    detection, model.

    Args:
        alert: what to show.
        zone: whose time to show; None for this machine's.
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


def local_time(milliseconds: int, zone: tzinfo | None = None) -> str:
    """Return a time since the epoch as date and time of day; as it is where no calendar has it."""
    try:
        moment = datetime.fromtimestamp(milliseconds / 1000, UTC).astimezone(zone)
    except (OverflowError, ValueError, OSError):
        return f"{milliseconds} ms"
    return moment.isoformat(sep=" ", timespec="milliseconds")[:23]


def one_line(text: str) -> str:
    """Return the text without what could move a terminal's cursor or begin a new line."""
    return "".join(character if character.isprintable() else "?" for character in text)
