"""Waiting for the leaders of new partitions, with the answers of an admin client made up."""

from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, cast

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from kafkaio.partitions import wait_until_served

if TYPE_CHECKING:
    from confluent_kafka.admin import AdminClient

TIMEOUT = 30.0


class Admin:
    """Answers requests for offsets with these errors, then with offset 0.

    A consumer's or a producer's request would be repeated by librdkafka itself; the moment in which
    a real leader rejects one passes too quickly to be tested.
    """

    def __init__(self, *errors: int) -> None:
        self.errors = list(errors)
        self.asked: list[set[tuple[str, int]]] = []

    def list_offsets(
        self, requests: dict[TopicPartition, object], **_options: object
    ) -> dict[TopicPartition, Future[Any]]:
        self.asked.append({(part.topic, part.partition) for part in requests})
        code = self.errors.pop(0) if self.errors else None
        return {part: self._answer(code) for part in requests}

    def _answer(self, code: int | None) -> Future[Any]:
        answer: Future[Any] = Future()
        if code is None:
            answer.set_result(TopicPartition("t", 0, 0))
        else:
            answer.set_exception(KafkaException(KafkaError(code)))
        return answer


def wait(admin: Admin, *, timeout: float = TIMEOUT) -> None:
    wait_until_served(cast("AdminClient", admin), [("t", 0), ("t", 1)], timeout=timeout)


def test_leaders_that_do_not_serve_a_new_partition_yet_are_waited_for() -> None:
    admin = Admin(
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.UNKNOWN_LEADER_EPOCH,
    )
    wait(admin)
    assert admin.asked == [{("t", 0), ("t", 1)}] * 4


def test_a_missing_permission_is_raised_at_once() -> None:
    admin = Admin(KafkaError.TOPIC_AUTHORIZATION_FAILED)
    with pytest.raises(KafkaException):
        wait(admin)
    assert len(admin.asked) == 1


def test_waiting_ends_at_the_timeout() -> None:
    with pytest.raises(KafkaException):
        wait(Admin(*[KafkaError.NOT_LEADER_FOR_PARTITION] * 1000), timeout=0)
