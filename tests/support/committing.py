"""The sinks by themselves, without a detector around them."""

from functools import partial
from typing import cast

import pytest
from confluent_kafka import Consumer, TopicPartition

from consumer.commit.at_least_once import AtLeastOnce
from consumer.commit.exactly_once import ExactlyOnce
from consumer.commit.sink import CommitHook, OutputRecord, no_hook
from events.topics import Topics
from kafkaio.clients import make_producer
from kafkaio.settings import KafkaSettings
from tests.support.detector import PATIENCE
from tests.support.reading import PARTITIONS

LIVELY = {"heartbeat.interval.ms": 100}  # members learn of a rebalance sooner
TRANSACTION_SECONDS = 5.0  # after which Kafka aborts an open transaction
RECORD = "row-0000000"


class Group:
    """Members of one consumer group, each with as many partitions as the others."""

    def __init__(self, settings: KafkaSettings, topics: Topics) -> None:
        self._settings = settings.client({"group.id": topics.prefix, **LIVELY})
        self._topic = topics.transactions
        self._members: list[Consumer] = []

    def join(self) -> Consumer:
        members = [*self._members, Consumer(self._settings)]
        self._members = members
        members[-1].subscribe([self._topic])
        for _ in range(int(PATIENCE / 0.1)):
            for member in members:
                member.poll(0.1 / len(members))
            if all(len(member.assignment()) == PARTITIONS // len(members) for member in members):
                return members[-1]
        pytest.fail(f"no assignment within {PATIENCE:.0f} s")

    def leave(self, member: Consumer) -> None:
        self._members.remove(member)
        member.close()

    def close(self) -> None:
        for member in self._members:
            member.close()

    def committed(self) -> int:
        """Return the committed offset of partition 0; negative if there is none."""
        asked = [TopicPartition(self._topic, 0)]
        (place,) = self._members[0].committed(asked, timeout=PATIENCE)
        return int(place.offset)


class Remembered:
    """A member with the identity it had, whatever has happened since."""

    def __init__(self, member: Consumer) -> None:
        self._metadata = member.consumer_group_metadata()
        self._id = member.memberid()

    def consumer_group_metadata(self) -> object:
        return self._metadata

    def memberid(self) -> str | None:
        return self._id


def exactly_once(
    settings: KafkaSettings,
    topics: Topics,
    consumer: Consumer | Remembered,
    hook: CommitHook = no_hook,
) -> ExactlyOnce:
    properties: dict[str, object] = {"transactional.id": topics.prefix}
    properties["transaction.timeout.ms"] = int(TRANSACTION_SECONDS * 1000)
    delivery = ExactlyOnce(
        partial(make_producer, settings.client(properties | {"linger.ms": 0})),
        cast("Consumer", consumer),
        timeout=PATIENCE,
        transaction_timeout=TRANSACTION_SECONDS,
        hook=hook,
    )
    delivery.open()
    return delivery


def at_least_once(
    settings: KafkaSettings, consumer: Consumer, *, timeout: float = PATIENCE
) -> AtLeastOnce:
    delivery = AtLeastOnce(
        partial(make_producer, settings.client({"linger.ms": 0})),
        consumer,
        timeout=timeout,
    )
    delivery.open()
    return delivery


def one_record(topics: Topics) -> tuple[list[OutputRecord], list[TopicPartition]]:
    offsets = [TopicPartition(topics.transactions, 0, 1)]
    return [OutputRecord(topics.alerts, RECORD.encode(), b"{}")], offsets
