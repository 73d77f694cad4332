"""The count at the end: what a read_committed reader finds, held against what was reported."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from confluent_kafka import (
    Consumer,
    ConsumerGroupTopicPartitions,
    IsolationLevel,
    KafkaError,
    Message,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec

from events.topics import Topics
from fraudstream.demo.errors import ReconciliationError
from kafkaio.settings import KafkaSettings

ANSWER_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Committed:
    """What a read_committed reader of all topics finds.

    Attributes:
        published: records in transactions.
        done: of these, records whose offsets are committed by the detector's group.
        dead_lettered: records in transactions.dlq.
        alerts: alerts in fraud.alerts, all of them.
        alerts_delivered: transactions with an alert; fewer than `alerts` if one is there twice.
    """

    published: int
    done: int
    dead_lettered: int
    alerts: int
    alerts_delivered: int

    @property
    def scored(self) -> int:
        """Transactions that were done with and are no dead letters."""
        return self.done - self.dead_lettered


def read_committed(settings: KafkaSettings, topics: Topics, group: str) -> Committed:
    """Read the topics from beginning to end and count."""
    alerts = [message.key() for message in read_all(settings, topics.alerts)]
    return Committed(
        published=sum(1 for _ in read_all(settings, topics.transactions)),
        done=_committed_offsets(settings, topics.transactions, group),
        dead_lettered=sum(1 for _ in read_all(settings, topics.dead_letters)),
        alerts=len(alerts),
        alerts_delivered=len(set(alerts)),
    )


def check(
    committed: Committed, *, sent: int, scored: int, dead_lettered: int, flagged: int
) -> None:
    """Hold what is in Kafka against what was reported.

    Args:
        committed: what a reader found.
        sent: transactions that the producer had confirmed.
        scored: transactions scored, as the detector counts.
        dead_lettered: dead letters, as the detector counts.
        flagged: transactions flagged, as the detector counts.

    Raises:
        ReconciliationError: naming every equation that does not hold.
    """
    equations = (
        ("published", committed.published, "sent", sent),
        ("published", committed.published, "scored + dead-lettered", scored + dead_lettered),
        ("published", committed.published, "committed offsets", committed.done),
        ("dead letters in the topic", committed.dead_lettered, "dead-lettered", dead_lettered),
        ("alerts delivered", committed.alerts_delivered, "flagged", flagged),
        ("alerts in the topic", committed.alerts, "alerts delivered", committed.alerts_delivered),
    )
    wrong = [
        f"{left} ({left_count:,}) is not {right} ({right_count:,})"
        for left, left_count, right, right_count in equations
        if left_count != right_count
    ]
    if wrong:
        raise ReconciliationError(f"The stream does not add up: {'; '.join(wrong)}.")


def read_all(settings: KafkaSettings, topic: str) -> Iterator[Message]:
    """Yield every committed record of a topic, up to what is its end when this begins.

    The end counts open transactions as well, and they are waited for: a commit returns before
    its records are readable.
    """
    consumer = Consumer(
        settings.client(
            required={
                "group.id": "fraudstream-demo-reader",  # never joined: partitions are assigned
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "enable.partition.eof": True,
            }
        )
    )
    try:
        ends = _ends(settings, topic)
        consumer.assign([TopicPartition(topic, number, 0) for number in ends])
        while ends:
            for message in consumer.consume(10_000, timeout=0.1):
                error = message.error()
                if error is None:
                    yield message
                elif error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's name
                    raise ReconciliationError(f"Cannot read {topic}: {error.str()}.")
                else:
                    partition, reached = message.partition() or 0, message.offset() or 0
                    if reached >= ends.get(partition, math.inf):
                        del ends[partition]
    finally:
        consumer.close()


def _ends(settings: KafkaSettings, topic: str) -> dict[int, int]:
    """Return the end of each partition, the offset after the last record of any kind."""
    admin = AdminClient(settings.client())
    partitions = admin.list_topics(topic, timeout=ANSWER_SECONDS).topics[topic].partitions
    latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]  # theirs
    asked = {TopicPartition(topic, number): latest for number in partitions}
    answers = admin.list_offsets(asked, isolation_level=IsolationLevel.READ_UNCOMMITTED)
    return {place.partition: future.result().offset for place, future in answers.items()}


def _committed_offsets(settings: KafkaSettings, topic: str, group: str) -> int:
    """Return the sum of the group's committed offsets: records done with, as each began at 0."""
    admin = AdminClient(settings.client())
    (future,) = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)]).values()
    offsets = future.result(ANSWER_SECONDS).topic_partitions
    return sum(place.offset for place in offsets if place.topic == topic and place.offset > 0)
