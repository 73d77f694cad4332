"""Partitions of topics: which exist, and the offsets at which they begin and end."""

import time
from collections.abc import Iterable, Sequence

from confluent_kafka import Consumer, IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec

from kafkaio.connectivity import PROBE_SECONDS, Client
from kafkaio.error_codes import AUTHORIZATION_ERRORS

PartitionId = tuple[str, int]
"""A topic's name and a partition's number."""

_POLL_SECONDS = 0.02


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


def wait_until_served(
    admin: AdminClient, partitions: Iterable[PartitionId], *, timeout: float
) -> None:
    """Wait until the leader of each partition accepts requests, which is after it is known.

    Between the two, an idempotent producer can lose its first records of a partition without an
    error. Kafka rejects the first request, accepts the second one, which is in flight already (the
    first sequence number of an unknown producer may be any), and rejects the repeated first one as
    out of sequence, which librdkafka takes for a duplicate and reports as delivered.

    Raises:
        KafkaException: if one does not within so many seconds.
    """
    waiting = list(partitions)
    deadline = time.monotonic() + timeout
    while waiting:
        try:
            end_offsets(admin, waiting, committed=False, timeout=timeout)
        except KafkaException as error:
            if error.args[0].code() in AUTHORIZATION_ERRORS or time.monotonic() > deadline:
                raise
            time.sleep(_POLL_SECONDS)
        else:
            return


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


def restart_at(consumer: Consumer, partitions: Sequence[TopicPartition]) -> None:
    """Read assigned partitions from these offsets on, also those that are no longer fetched.

    A seek does not revive a partition whose position was invalid.

    Raises:
        KafkaException: if the client cannot.
    """
    try:
        consumer.incremental_unassign(list(partitions))
        consumer.incremental_assign(list(partitions))
    except KafkaException as error:
        if error.args[0].code() != KafkaError._STATE:  # noqa: SLF001 - a public code
            raise
        # The group's assignment strategy is an eager one, which changes the whole assignment. A
        # partition of which nothing was read has no position yet, only where it was assigned.
        moved = {(partition.topic, partition.partition) for partition in partitions}
        others = [
            partition
            for partition in consumer.assignment()
            if (partition.topic, partition.partition) not in moved
        ]
        positions = consumer.position(others) if others else []
        consumer.assign(
            [
                *partitions,
                *(
                    position if position.offset >= 0 else assigned
                    for position, assigned in zip(positions, others, strict=True)
                ),
            ]
        )
