"""A live follower of committed alerts: when did every partition give a new one again?"""

import logging
import time
from collections.abc import Callable

from confluent_kafka import Consumer, TopicPartition

from consumer.alerts.follow import read_alert
from kafkaio.settings import KafkaSettings
from tests.chaos.publisher import RECONNECT
from tests.chaos.stream import PARTITIONS, number_of

logger = logging.getLogger(__name__)

AT_ONCE = 1000
# After an outage, a reader that stays silent for so long is taken to be the one that is stuck.
QUIET_SECONDS = 45.0


class AlertFollower:
    """Reads alerts as they become readable, and remembers when that was.

    Args:
        settings: how to reach Kafka, past the proxy.
        topic: of the alerts.
        clock: seconds since the epoch, as the publisher's.
    """

    def __init__(self, settings: KafkaSettings, topic: str, *, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._topic = topic
        self._configuration = settings.client(
            {"group.id": "chaos-follower", "enable.auto.commit": False, **RECONNECT},
            required={"isolation.level": "read_committed", "auto.offset.reset": "earliest"},
        )
        self._seen: list[tuple[int, float, float]] = []
        self._nexts = dict.fromkeys(range(PARTITIONS), 0)
        self._consumer = self._open()

    def poll(self) -> None:
        """Take what is there; called at least every 20 ms or so, which is how fine times are."""
        for message in self._consumer.consume(AT_ONCE, timeout=0):
            partition, offset = message.partition(), message.offset()
            if message.error() is not None or partition is None or offset is None:
                continue
            self._nexts[partition] = offset + 1
            self._heard = time.monotonic()
            alert = read_alert(message)
            if alert is not None:
                place = number_of(alert.transaction_id) % PARTITIONS
                self._seen.append((place, alert.event_time_ms / 1000, self._clock()))
        if time.monotonic() - self._heard > QUIET_SECONDS:
            logger.warning("No alert for %.0f s; following them with a new client.", QUIET_SECONDS)
            self._consumer.close()
            self._consumer = self._open()

    def recovered(self, since: float) -> float | None:
        """Return when each input partition had given an alert of something published after it.

        Args:
            since: seconds since the epoch.

        Returns:
            Seconds since the epoch, or None while a partition has given none.
        """
        first: dict[int, float] = {}
        for partition, event_time, seen in self._seen:
            if event_time > since:
                first.setdefault(partition, seen)
        return max(first.values()) if len(first) == PARTITIONS else None

    def forget(self) -> None:
        """Drop what was seen so far; a new round begins."""
        self._seen.clear()

    def close(self) -> None:
        """Let go of Kafka."""
        self._consumer.close()

    def _open(self) -> Consumer:
        self._heard = time.monotonic()
        consumer = Consumer(self._configuration)
        consumer.assign([TopicPartition(self._topic, *place) for place in self._nexts.items()])
        return consumer
