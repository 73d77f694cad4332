"""The topic's id is confirmed by an answer to a question that was asked after the first attempt."""

from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import TopicCollection

from kafkaio import topic_watch
from kafkaio.settings import KafkaSettings
from kafkaio.topic_watch import TopicWatch
from tests.support.clock import ManualClock


class Answer(Future[Any]):
    """An answer that is not waited for."""

    def result(self, timeout: float | None = None) -> Any:
        if not self.done():
            raise FutureTimeoutError
        return super().result(timeout)


class Admin:
    """Kafka, which answers when the test says so."""

    def __init__(self) -> None:
        self.questions: list[Answer] = []

    def poll(self, _timeout: float) -> int:
        return 0

    def describe_topics(
        self, topics: TopicCollection, *, request_timeout: float
    ) -> dict[str, Answer]:
        self.questions.append(Answer())
        return dict.fromkeys(topics.topic_names, self.questions[-1])

    def answer(self, topic_id: str) -> None:
        self.questions[-1].set_result(SimpleNamespace(topic_id=topic_id))


@pytest.fixture
def admin(monkeypatch: pytest.MonkeyPatch) -> Admin:
    admin = Admin()
    monkeypatch.setattr(topic_watch, "make_admin", lambda _configuration: admin)
    return admin


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def watch(admin: Admin, clock: ManualClock) -> TopicWatch:
    return TopicWatch(KafkaSettings("broker:9092"), "in", clock=clock)


def test_a_slow_answer_is_waited_for_by_several_calls(watch: TopicWatch, admin: Admin) -> None:
    assert watch.confirm() is None
    assert watch.confirm() is None
    admin.answer("id")
    assert watch.confirm() == "id"
    assert len(admin.questions) == 1


def test_each_confirmation_asks_anew(watch: TopicWatch, admin: Admin, clock: ManualClock) -> None:
    assert watch.confirm() is None
    admin.answer("old")
    assert watch.confirm() == "old"
    clock.now += 1
    assert watch.confirm() is None
    admin.answer("new")
    assert watch.confirm() == "new"


def test_an_answer_to_an_earlier_question_confirms_nothing(
    watch: TopicWatch, admin: Admin, clock: ManualClock
) -> None:
    watch.look()
    clock.now += 1
    admin.answer("old")
    assert watch.confirm() is None
    assert len(admin.questions) == 2
