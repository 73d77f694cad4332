"""Reading a topic from its beginning to its end, as a reader of committed records."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from kafkaio.settings import KafkaSettings

Answer = TypeVar("Answer")

AT_ONCE = 10_000
# Longer than Kafka takes to end a transaction that a killed detector left open.
PATIENCE_SECONDS = 60.0


class UnreadableError(Exception):
    """A topic does not come to an end, since a transaction in it stays open."""

    exit_code = 1


def read_committed(settings: KafkaSettings, topic: str) -> Iterator[Message]:
    """Yield every committed record, partition by partition in the order of their offsets.

    Raises:
        UnreadableError: if the end cannot be reached.
    """
    consumer = _consumer(settings, "chaos-verdict")
    try:
        partitions = _partitions(consumer, topic)
        ends = {partition.partition: _end(consumer, partition) for partition in partitions}
        consumer.assign(partitions)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while ends:
            for message in consumer.consume(AT_ONCE, timeout=0.1):
                error = message.error()
                if error is None:
                    deadline = time.monotonic() + PATIENCE_SECONDS
                    yield message
                elif (partition := _ended(message, ends)) is not None:
                    ends.pop(partition, None)
            if time.monotonic() > deadline:
                raise UnreadableError(
                    f"Topic {topic} has not come to its end in {PATIENCE_SECONDS:.0f} s: "
                    f"end offsets {ends} by partition are not readable."
                )
    finally:
        consumer.close()


def end_offsets(settings: KafkaSettings, topic: str) -> list[int]:
    """Return the end offset of each partition."""
    consumer = _consumer(settings, "chaos-verdict")
    try:
        return [_end(consumer, partition) for partition in _partitions(consumer, topic)]
    finally:
        consumer.close()


def committed_offsets(settings: KafkaSettings, topic: str, group: str) -> list[int]:
    """Return the group's committed offset for each partition; negative where there is none."""
    consumer = _consumer(settings, group)
    try:
        partitions = _partitions(consumer, topic)
        return _offsets(_asked(lambda: consumer.committed(partitions, timeout=10)))
    finally:
        consumer.close()


def _ended(message: Message, ends: Mapping[int, int]) -> int | None:
    """Return the partition that came to its end.

    Before an open transaction a reader of committed records is told of an end as well.
    """
    error, offset, partition = message.error(), message.offset(), message.partition()
    if error is None or error.code() != KafkaError._PARTITION_EOF:
        return None
    if offset is None or partition is None or offset < ends.get(partition, 0):
        return None
    return partition


def _consumer(settings: KafkaSettings, group: str) -> Consumer:
    return Consumer(
        settings.client(
            {"group.id": group, "enable.auto.commit": False, "auto.offset.reset": "earliest"},
            required={"isolation.level": "read_committed", "enable.partition.eof": True},
        )
    )


def _partitions(consumer: Consumer, topic: str) -> list[TopicPartition]:
    numbers = _asked(lambda: consumer.list_topics(topic, timeout=10)).topics[topic].partitions
    return [TopicPartition(topic, number, 0) for number in sorted(numbers)]


def _end(consumer: Consumer, partition: TopicPartition) -> int:
    _low, high = _asked(lambda: consumer.get_watermark_offsets(partition, timeout=10))
    return int(high)


def _asked(question: Callable[[], Answer]) -> Answer:
    """Return Kafka's answer, asked again where it says that it cannot tell at the moment.

    On a busy machine a broker's own controller may take it for dead, for a second or two.

    Raises:
        KafkaException: if it cannot tell for `PATIENCE_SECONDS`.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return question()
        except KafkaException:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def _offsets(partitions: Sequence[TopicPartition]) -> list[int]:
    return [partition.offset for partition in sorted(partitions, key=lambda it: it.partition)]
