"""Reading a topic in natural micro-batches, as a member of a consumer group."""

import logging
import time
from collections.abc import Sequence
from typing import Protocol, cast

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from consumer.errors import DeliveryError, TopicMissingError
from consumer.metrics import Trigger

logger = logging.getLogger(__name__)

# Signals are heard between two waits, and confluent-kafka 2.13 to 2.15.0 cut longer ones short.
LONGEST_WAIT_SECONDS = 0.1

_HARMLESS = {
    KafkaError._PARTITION_EOF,  # noqa: SLF001 - librdkafka's local codes are spelled so
    KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001 - the availability watch hears of it
    KafkaError._TRANSPORT,  # noqa: SLF001 - likewise
}
_NO_TOPIC = {
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._UNKNOWN_TOPIC,  # noqa: SLF001
    KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001
}


class Received(Protocol):
    """A record that was read: a `confluent_kafka.Message` that is no error and has a place."""

    def topic(self) -> str:
        """Return the topic it was read from."""

    def partition(self) -> int:
        """Return its partition there."""

    def offset(self) -> int:
        """Return its offset there."""

    def timestamp(self) -> tuple[int, int]:
        """Return the kind of its timestamp, and the timestamp in milliseconds since the epoch."""

    def key(self) -> bytes | None:
        """Return its key."""

    def value(self) -> bytes | None:
        """Return its value."""

    def headers(self) -> list[tuple[str, bytes | None]] | None:
        """Return its headers."""


class Listener(Protocol):
    """Who is told of rebalances, always from within `Source.read` or `Source.close`."""

    def assigned(self, partitions: Sequence[TopicPartition]) -> None:
        """Take these partitions, in addition to those already held."""

    def revoked(self, partitions: Sequence[TopicPartition]) -> None:
        """Finish with these partitions now; they are still ours until this returns."""

    def lost(self, partitions: Sequence[TopicPartition]) -> None:
        """Drop these partitions; somebody else may have them already."""


class Source:
    """The input topic, read a batch at a time."""

    def __init__(
        self, consumer: Consumer, topic: str, *, batch_maximum: int, wait_maximum: float = 0.0
    ) -> None:
        self._consumer = consumer
        self._topic = topic
        self._batch_maximum = batch_maximum
        self._wait_maximum = wait_maximum

    def subscribe(self, listener: Listener) -> None:
        """Join the group."""
        self._consumer.subscribe(
            [self._topic],
            on_assign=lambda _, partitions: listener.assigned(partitions),
            on_revoke=lambda _, partitions: listener.revoked(partitions),
            on_lost=lambda _, partitions: listener.lost(partitions),
        )

    def read(self) -> tuple[list[Received], Trigger]:
        """Block for a first record, then take what is already there, up to the maximum.

        Blocks for `LONGEST_WAIT_SECONDS` when there is nothing, and returns no messages then.
        Calls the listener when the group rebalances.

        Raises:
            TopicMissingError: if the topic is gone.
            DeliveryError: if the client cannot go on.
        """
        messages = self._consumer.consume(1, timeout=LONGEST_WAIT_SECONDS)
        if not messages:
            return [], Trigger.DRAINED
        if self._batch_maximum > 1:
            messages += self._consumer.consume(self._batch_maximum - 1, timeout=0)
        trigger = Trigger.DRAINED
        if self._wait_maximum > 0:
            self._wait_for_more(messages)
            trigger = Trigger.WAITED
        if len(messages) == self._batch_maximum:
            trigger = Trigger.FULL
        records = [message for message in messages if self._is_record(message)]
        return cast("list[Received]", records), trigger

    def rewind(self, partitions: Sequence[TopicPartition]) -> None:
        """Read these partitions again from their offsets; those not ours (any more) are left.

        Raises:
            DeliveryError: if the client cannot be sent back, since going on would skip records.
        """
        ours = {(partition.topic, partition.partition) for partition in self._consumer.assignment()}
        for partition in partitions:
            if (partition.topic, partition.partition) in ours:
                try:
                    self._consumer.seek(partition)
                except KafkaException as error:
                    raise DeliveryError(
                        f"Cannot go back to offset {partition.offset} of {partition.topic} "
                        f"[{partition.partition}]: {error.args[0].str()}."
                    ) from error

    def close(self) -> None:
        """Leave the group; calls the listener's `revoked` first."""
        self._consumer.close()

    def _wait_for_more(self, messages: list[Message]) -> None:
        deadline = time.monotonic() + self._wait_maximum
        while (missing := self._batch_maximum - len(messages)) > 0:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                return
            messages += self._consumer.consume(
                missing, timeout=min(remaining, LONGEST_WAIT_SECONDS)
            )

    def _is_record(self, message: Message) -> bool:
        """Tell records from the errors that librdkafka hands over in their place."""
        error = message.error()
        if error is None:
            return True
        if error.code() in _NO_TOPIC:
            raise TopicMissingError(
                f"Topic {self._topic} is not there (any more); "
                "create it with 'fraudstream topics create'."
            )
        if error.fatal():
            raise DeliveryError(f"The Kafka consumer cannot go on: {error.str()}.")
        if error.code() not in _HARMLESS:
            logger.warning("Kafka says: %s", error.str())
        return False
