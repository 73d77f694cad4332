"""The in-memory Kafka and a real one behind the same interface.

A scenario uses producers, consumers and what `read_committed` readers see. Whatever it observes on
one Kafka, it must observe on the other.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol, TypeVar

from confluent_kafka import (
    Consumer,
    ConsumerGroupTopicPartitions,
    KafkaException,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient

from kafkaio.reading import read_topic
from kafkaio.settings import KafkaSettings
from tests.order.consumer import MemoryConsumer
from tests.order.memory import Broker
from tests.order.producer import MemoryProducer
from tests.support.detector import PATIENCE

SECONDS = 10.0
GROUP = "group"

T = TypeVar("T")


def outcome(call: Callable[[], object]) -> str:
    """Do it and return how it ended: "done", or the kind of its error."""
    try:
        call()
    except KafkaException as error:
        cause = error.args[0]
        kinds = {"fatal": cause.fatal(), "abort": cause.txn_requires_abort()}
        return next((kind for kind, holds in kinds.items() if holds), "rejected")
    return "done"


class KafkaUnderTest(Protocol):
    """A Kafka that a scenario runs on; partitions of its input are given by number."""

    def producer(self, name: str) -> Any:
        """Return a new transactional producer of this id, not initialised."""

    def consumer(self, listener: Callable[[str, list[int]], None]) -> Any:
        """Return a new member of the group; it calls the listener on rebalances."""

    def outsider(self) -> Any:
        """Return a consumer of the group that never joined it."""

    def publish(self, partition: int, count: int) -> None:
        """Add records to the input."""

    def position(self, partition: int, offset: int) -> TopicPartition:
        """Return a position in the input."""

    def read(self, consumer: Any, *, until: Callable[[list[tuple[int, int]]], bool]) -> None:
        """Read until the condition holds for the list of (partition, offset) read so far."""

    def write(self, producer: Any, key: str) -> None:
        """Produce a record and flush it."""

    def keys(self) -> list[str]:
        """Return the keys of the records that a `read_committed` reader returns."""

    def offsets(self) -> dict[int, int]:
        """Return the group's committed offsets by partition."""


class MemoryKafka:
    """The in-memory Kafka."""

    def __init__(self, partitions: int) -> None:
        self._broker = Broker("in", partitions)

    def producer(self, name: str) -> MemoryProducer:
        return MemoryProducer(self._broker, name, _at_once)

    def consumer(self, listener: Callable[[str, list[int]], None]) -> MemoryConsumer:
        consumer = MemoryConsumer(self._broker, GROUP, _at_once)
        _subscribe(consumer, "in", listener)
        return consumer

    def outsider(self) -> MemoryConsumer:
        return MemoryConsumer(self._broker, GROUP, _at_once)

    def publish(self, partition: int, count: int) -> None:
        for _ in range(count):
            self._broker.append(("in", partition), None, b"")

    def position(self, partition: int, offset: int) -> TopicPartition:
        return TopicPartition("in", partition, offset)

    def read(self, consumer: Any, *, until: Callable[[list[tuple[int, int]]], bool]) -> None:
        _read(consumer, until, turns=100, timeout=0)

    def write(self, producer: Any, key: str) -> None:
        _write(producer, "out", key)

    def keys(self) -> list[str]:
        return sorted((record.key() or b"").decode() for record in self._broker.committed("out"))

    def offsets(self) -> dict[int, int]:
        offsets = self._broker.group(GROUP).offsets
        return {place[1]: offset for place, offset in sorted(offsets.items())}


class RealKafka:
    """A real Kafka.

    Args:
        settings: how to reach it.
        prefix: of everything created there: topics "in" and "out", transactional ids, the group.
        patience: milliseconds after which a consumer that does not poll is evicted.
    """

    def __init__(self, settings: KafkaSettings, prefix: str, *, patience: int = 300_000) -> None:
        self._settings = settings
        self._prefix = prefix
        self._patience = patience

    def producer(self, name: str) -> Producer:
        return Producer(
            self._settings.client(
                {"linger.ms": 0, "retry.backoff.ms": 1, "retry.backoff.max.ms": 10},
                required={"transactional.id": self._prefix + name},
            )
        )

    def consumer(self, listener: Callable[[str, list[int]], None]) -> Consumer:
        consumer = self.outsider()
        _subscribe(consumer, self._prefix + "in", listener)
        return consumer

    def outsider(self) -> Consumer:
        return Consumer(
            self._settings.client(
                required={
                    "group.id": self._prefix + GROUP,
                    "enable.auto.commit": False,
                    "auto.offset.reset": "earliest",
                    "isolation.level": "read_committed",
                    "partition.assignment.strategy": "cooperative-sticky",
                    "session.timeout.ms": 6000,
                    "max.poll.interval.ms": self._patience,
                }
            )
        )

    def publish(self, partition: int, count: int) -> None:
        producer = Producer(self._settings.client())
        for _ in range(count):
            producer.produce(self._prefix + "in", value=b"", partition=partition)
        assert producer.flush(PATIENCE) == 0

    def position(self, partition: int, offset: int) -> TopicPartition:
        return TopicPartition(self._prefix + "in", partition, offset)

    def read(self, consumer: Any, *, until: Callable[[list[tuple[int, int]]], bool]) -> None:
        _read(consumer, until, turns=int(PATIENCE / 0.1), timeout=0.1)

    def write(self, producer: Any, key: str) -> None:
        _write(producer, self._prefix + "out", key)

    def keys(self) -> list[str]:
        records = read_topic(self._settings, self._prefix + "out")
        return sorted((record.key() or b"").decode() for record in records)

    def offsets(self) -> dict[int, int]:
        request = ConsumerGroupTopicPartitions(self._prefix + GROUP)
        admin = AdminClient(self._settings.client())
        (future,) = admin.list_consumer_group_offsets([request]).values()
        places = future.result(SECONDS).topic_partitions
        return {place.partition: place.offset for place in sorted(places, key=_number)}


def _number(place: TopicPartition) -> int:
    return place.partition


def _at_once(call: str, effect: Callable[[], T]) -> T:
    return effect()


def _subscribe(consumer: Any, topic: str, listener: Callable[[str, list[int]], None]) -> None:
    def notify(event: str) -> Callable[[Any, Sequence[TopicPartition]], None]:
        return lambda _, partitions: listener(event, sorted(part.partition for part in partitions))

    consumer.subscribe(
        [topic],
        on_assign=notify("assigned"),
        on_revoke=notify("revoked"),
        on_lost=notify("lost"),
    )


def _read(
    consumer: Any, until: Callable[[list[tuple[int, int]]], bool], *, turns: int, timeout: float
) -> None:
    seen: list[tuple[int, int]] = []
    for _ in range(turns):
        seen += [
            (message.partition(), message.offset())
            for message in consumer.consume(100, timeout=timeout)
            if message.error() is None
        ]
        if until(seen):
            return
    raise AssertionError(f"after {turns} turns: {seen}")


def _write(producer: Any, topic: str, key: str) -> None:
    producer.produce(
        topic, key=key.encode(), value=b"", headers=[], on_delivery=None, timestamp=0, partition=-1
    )
    with suppress(KafkaException):  # the next call reports the error
        producer.flush(SECONDS)
