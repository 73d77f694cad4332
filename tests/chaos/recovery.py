"""Measures recovery: reads a topic live, and records when each partition of the input yields."""

import logging
import time
from collections.abc import Callable

from confluent_kafka import Consumer, Message, TopicPartition

from consumer.alerts.follow import read_alert
from kafkaio.settings import KafkaSettings
from tests.chaos.publisher import RECONNECT
from tests.chaos.stream import PARTITIONS, number_of, partition_of

logger = logging.getLogger(__name__)

BATCH = 1000
# After so long without a record, this consumer itself may be stuck, and is replaced.
QUIET_SECONDS = 45.0


Arrival = tuple[int, float]
"""A partition of the input, and when its record was published, in seconds since the epoch."""


def alert_arrival(message: Message) -> Arrival | None:
    """Return which input record an alert stands for; None if the alert is unreadable."""
    alert = read_alert(message)
    if alert is None:
        return None
    return partition_of(number_of(alert.transaction_id)), alert.event_time_ms / 1000


def input_arrival(message: Message) -> Arrival | None:
    """Return where a record of the input is and when it was published."""
    partition = message.partition()
    return None if partition is None else (partition, message.timestamp()[1] / 1000)


class RecoveryMonitor:
    """Reads records as soon as they are committed, and records the times.

    Args:
        settings: connection to Kafka that bypasses the network.
        topic: what to read.
        arrival: returns which input record a record stands for.
        clock: the publisher's clock, in seconds since the epoch.

    Attributes:
        expected: number of partitions of the input.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        topic: str,
        *,
        arrival: Callable[[Message], Arrival | None],
        clock: Callable[[], float],
    ) -> None:
        self._clock = clock
        self._arrival = arrival
        self._topic = topic
        self._configuration = settings.client(
            {"group.id": "chaos-monitor", "enable.auto.commit": False, **RECONNECT},
            required={"isolation.level": "read_committed", "auto.offset.reset": "earliest"},
        )
        self._seen: list[tuple[int, float, float]] = []
        self.expected = PARTITIONS
        self._positions = dict.fromkeys(range(PARTITIONS), 0)
        self._consumer = self._open()

    def poll(self) -> None:
        """Read the available records; called about every 20 ms, which is the times' resolution."""
        for message in self._consumer.consume(BATCH, timeout=0):
            partition, offset = message.partition(), message.offset()
            if message.error() is not None or partition is None or offset is None:
                continue
            self._positions[partition] = offset + 1
            self._last_read = time.monotonic()
            arrival = self._arrival(message)
            if arrival is not None:
                self._seen.append((*arrival, self._clock()))
        if time.monotonic() - self._last_read > QUIET_SECONDS:
            logger.warning(
                "No record of %s for %.0f s; reading it anew.", self._topic, QUIET_SECONDS
            )
            self._consumer.close()
            self._consumer = self._open()

    def recovered(self, since: float) -> float | None:
        """Return when every input partition had a record that was published after `since`.

        Args:
            since: seconds since the epoch.

        Returns:
            Seconds since the epoch, or None while a partition has no such record.
        """
        first: dict[int, float] = {}
        for partition, event_time, seen in self._seen:
            if event_time > since:
                first.setdefault(partition, seen)
        return max(first.values()) if len(first) == self.expected else None

    def longest_waits(self) -> dict[int, float]:
        """Return each partition's longest time from a record's publication until it was read."""
        waits: dict[int, float] = {}
        for partition, event_time, seen in self._seen:
            waits[partition] = max(waits.get(partition, 0.0), seen - event_time)
        return waits

    def extend(self, partitions: int) -> None:
        """Read so many partitions, and expect a record of each."""
        self.expected = partitions
        for partition in range(len(self._positions), partitions):
            self._positions[partition] = 0
        self._consumer.close()
        self._consumer = self._open()

    def reset(self) -> None:
        """Drop the recorded times, before a new round."""
        self._seen.clear()

    def close(self) -> None:
        """Close the consumer."""
        self._consumer.close()

    def _open(self) -> Consumer:
        self._last_read = time.monotonic()
        consumer = Consumer(self._configuration)
        consumer.assign(
            [TopicPartition(self._topic, *position) for position in self._positions.items()]
        )
        return consumer
