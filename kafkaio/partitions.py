"""Partitions of topics: which exist, and the offsets at which they begin and end."""

from collections.abc import Iterable, Sequence

from confluent_kafka import IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec

from kafkaio.connectivity import PROBE_SECONDS, Client

PartitionId = tuple[str, int]
"""A topic's name and a partition's number."""


def list_partitions(client: Client, topics: Iterable[str], *, timeout: float) -> list[PartitionId]:
    """Return the partitions of those topics that exist.

    Raises:
        KafkaException: if Kafka does not answer within so many seconds.
    """
    known = client.list_topics(timeout=timeout).topics
    return [
        (topic, number)
        for topic in topics
        if topic in known
        for number in sorted(known[topic].partitions)
    ]


def missing_topics(client: Client, topics: Sequence[str]) -> list[str]:
    """Return which of these topics do not exist; none if Kafka does not answer within a second."""
    try:
        known = client.list_topics(timeout=PROBE_SECONDS).topics
    except KafkaException:
        return []
    return [topic for topic in topics if topic not in known]


def first_offsets(
    admin: AdminClient, partitions: Iterable[PartitionId], *, timeout: float
) -> dict[PartitionId, int]:
    """Return the offset of the oldest record that each partition keeps.

    Raises:
        KafkaException: if Kafka does not answer within so many seconds.
    """
    earliest = OffsetSpec.earliest()  # type: ignore[no-untyped-call]  # theirs
    return _list_offsets(admin, partitions, earliest, IsolationLevel.READ_UNCOMMITTED, timeout)


def end_offsets(
    admin: AdminClient, partitions: Iterable[PartitionId], *, committed: bool, timeout: float
) -> dict[PartitionId, int]:
    """Return the offset after the last record of each partition.

    Args:
        admin: a client.
        partitions: which ones.
        committed: stop before the first transaction that is still open.
        timeout: seconds that Kafka may take to answer.

    Raises:
        KafkaException: if it does not.
    """
    level = IsolationLevel.READ_COMMITTED if committed else IsolationLevel.READ_UNCOMMITTED
    latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]  # theirs
    return _list_offsets(admin, partitions, latest, level, timeout)


def _list_offsets(
    admin: AdminClient,
    partitions: Iterable[PartitionId],
    which: OffsetSpec,
    level: IsolationLevel,
    timeout: float,
) -> dict[PartitionId, int]:
    requests = {TopicPartition(*partition): which for partition in partitions}
    answers = admin.list_offsets(requests, isolation_level=level, request_timeout=timeout)
    return {
        (partition.topic, partition.partition): answer.result().offset
        for partition, answer in answers.items()
    }
