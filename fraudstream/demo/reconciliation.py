"""Reconciles the records in Kafka with the counts that the producer and the detector reported."""

from collections.abc import Iterator
from dataclasses import dataclass

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, Message

from events.topics import Topics
from fraudstream.demo.errors import ReconciliationError
from kafkaio.clients import make_admin
from kafkaio.reading import read_topic
from kafkaio.settings import KafkaSettings

# The transaction of a killed detector stays open for 10 s, and up to 10 s more until Kafka looks.
ANSWER_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Committed:
    """Counts of the committed records in all topics.

    Attributes:
        published: records in transactions.
        done: of these, records whose offsets the detector's group has committed.
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
        """Transactions that were processed and did not become dead letters."""
        return self.done - self.dead_lettered


def read_committed(settings: KafkaSettings, topics: Topics, group: str) -> Committed:
    """Read the topics from beginning to end and count.

    Raises:
        ReconciliationError: if a topic cannot be read.
    """
    try:
        alerts = [record.key() for record in _read(settings, topics.alerts)]
        return Committed(
            published=sum(1 for _ in _read(settings, topics.transactions)),
            done=_committed_offsets(settings, topics.transactions, group),
            dead_lettered=sum(1 for _ in _read(settings, topics.dead_letters)),
            alerts=len(alerts),
            alerts_delivered=len(set(alerts)),
        )
    except KafkaException as error:
        raise ReconciliationError(f"Cannot read the topics: {error.args[0].str()}.") from error


def _read(settings: KafkaSettings, topic: str) -> Iterator[Message]:
    return read_topic(settings, topic, silence_maximum=ANSWER_SECONDS)


def check(
    committed: Committed, *, sent: int, scored: int, dead_lettered: int, flagged: int
) -> None:
    """Compare the counts in Kafka with the reported ones.

    Args:
        committed: the counts in Kafka.
        sent: transactions whose delivery was confirmed to the producer.
        scored: transactions scored, as counted by the detector.
        dead_lettered: dead letters, as counted by the detector.
        flagged: transactions flagged, as counted by the detector.

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


def _committed_offsets(settings: KafkaSettings, topic: str, group: str) -> int:
    """Return the sum of the group's committed offsets: records processed, as each began at 0."""
    admin = make_admin(settings.client())
    (future,) = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)]).values()
    offsets = future.result(ANSWER_SECONDS).topic_partitions
    return sum(
        partition.offset
        for partition in offsets
        if partition.topic == topic and partition.offset > 0
    )
