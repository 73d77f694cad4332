"""A commit, its abort and the new producer share one deadline."""

from typing import cast

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from consumer.commit.exactly_once import ExactlyOnce
from consumer.commit.sink import AbortedError
from consumer.errors import CommitError
from tests.support.clock import ManualClock


class Member:
    """The consumer, as a sink uses it."""

    def consumer_group_metadata(self) -> object:
        return object()

    def memberid(self) -> str:
        return "member-1"


class SlowProducer:
    """A producer whose offsets are never acknowledged, and whose abort takes some seconds."""

    def __init__(self, clock: ManualClock, abort_seconds: float) -> None:
        self.timeouts: list[tuple[str, float]] = []
        self._clock = clock
        self._abort_seconds = abort_seconds

    def init_transactions(self, timeout: float) -> None:
        self.timeouts.append(("init", round(timeout, 3)))

    def begin_transaction(self) -> None:
        """Begin."""

    def poll(self, _timeout: float) -> int:
        return 0

    def send_offsets_to_transaction(
        self, _offsets: list[TopicPartition], _metadata: object, timeout: float
    ) -> None:
        self._clock.now += timeout
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT, "No answer", False, True, True))

    def abort_transaction(self, timeout: float) -> None:
        self.timeouts.append(("abort", round(timeout, 3)))
        self._clock.now += min(timeout, self._abort_seconds)
        if timeout < self._abort_seconds:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT, "No abort", False, True, False))


def opened(abort_seconds: float) -> tuple[ExactlyOnce, SlowProducer]:
    clock = ManualClock()
    producer = SlowProducer(clock, abort_seconds)
    sink = ExactlyOnce(
        lambda: cast("Producer", producer),
        cast("Consumer", Member()),
        budget=20.0,
        monotonic=clock,
        sleep=clock.sleep,
    )
    sink.open()
    producer.timeouts.clear()
    return sink, producer


def test_an_abort_and_the_new_producer_get_what_the_commit_has_left() -> None:
    sink, producer = opened(abort_seconds=3.0)
    with pytest.raises(AbortedError, match="No answer"):
        sink.commit([], [TopicPartition("t", 0, 1)])
    # The commit may take half of the 20 s; the abort takes 3 s of the other half.
    assert producer.timeouts == [("abort", 10.0), ("init", 7.0)]


def test_an_abort_that_outlasts_the_deadline_ends_the_process() -> None:
    sink, producer = opened(abort_seconds=60.0)
    with pytest.raises(CommitError, match="could not be aborted: No abort"):
        sink.commit([], [TopicPartition("t", 0, 1)])
    assert producer.timeouts == [("abort", 10.0)]
