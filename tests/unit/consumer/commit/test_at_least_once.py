"""Offsets that are not stored for every partition are not reported as committed."""

from typing import Any, cast

import pytest
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition

from consumer.commit.at_least_once import AtLeastOnce
from consumer.commit.sink import AbortedError


class IdleProducer:
    """A producer without records."""

    def flush(self, _timeout: float) -> int:
        return 0

    def poll(self, _timeout: float) -> int:
        return 0

    def purge(self, *, blocking: bool) -> None: ...


class Answer:
    """A partition in Kafka's answer to a commit; a real one's error cannot be set."""

    def __init__(self, error: KafkaError | None) -> None:
        self.error = error


class Member:
    """A consumer; a commit succeeds for partition 0 and has the given result for partition 1."""

    def __init__(self, error: KafkaError | None) -> None:
        self._error = error

    def commit(self, *, offsets: list[TopicPartition], asynchronous: bool) -> list[Any]:
        assert not asynchronous
        assert len(offsets) == 2
        return [Answer(None), Answer(self._error)]


def commit(error: KafkaError | None) -> None:
    sink = AtLeastOnce(
        lambda: cast("Producer", IdleProducer()), cast("Consumer", Member(error)), timeout=20.0
    )
    sink.open()
    sink.commit([], [TopicPartition("in", 0, 5), TopicPartition("in", 1, 7)])


def test_offsets_that_every_partition_stored_are_committed() -> None:
    commit(None)


def test_a_partition_whose_offset_is_not_stored_fails_the_commit() -> None:
    with pytest.raises(AbortedError, match="Group is rebalancing"):
        commit(KafkaError(KafkaError.REBALANCE_IN_PROGRESS, "Group is rebalancing"))


def test_a_permission_that_was_taken_away_fails_the_commit() -> None:
    with pytest.raises(AbortedError, match="no longer permits writing or committing"):
        commit(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED))
