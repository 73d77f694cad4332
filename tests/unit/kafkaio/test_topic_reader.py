"""The topic reader without a broker: how it fails to connect, and adopts partitions."""

import socket
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from confluent_kafka import Message, TopicPartition

import kafkaio.topic_reader
from kafkaio.errors import BrokerUnreachableError
from kafkaio.settings import KafkaSettings
from kafkaio.topic_reader import TopicReader
from tests.support.clock import ManualClock


@pytest.fixture
def nobody() -> Iterator[KafkaSettings]:
    """Reserve an address at which nothing listens."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        yield KafkaSettings(f"127.0.0.1:{silent.getsockname()[1]}")


def test_an_absent_broker_is_one_sentence(
    nobody: KafkaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafkaio.topic_reader, "CONNECT_SECONDS", 0.0)
    with (
        TopicReader(nobody, {"fraud.alerts": True}) as reader,
        pytest.raises(
            BrokerUnreachableError, match=rf"Kafka at {nobody.broker} does not answer"
        ) as caught,
    ):
        reader.connect(stopped=lambda: False)
    assert "Connection refused" in str(caught.value)
    assert caught.value.exit_code == 2


def test_waiting_for_kafka_can_be_stopped(nobody: KafkaSettings) -> None:
    answers = iter([False, True])
    with TopicReader(nobody, {"fraud.alerts": True}) as reader:
        assert not reader.connect(stopped=lambda: next(answers))


class Client:
    """A consumer of two topics whose partitions may be added; it returns no records."""

    def __init__(self) -> None:
        self.partitions = {"alerts": [0], "labels": [0]}
        self.paused: set[tuple[str, int]] = set()

    def list_topics(self, *, timeout: float) -> SimpleNamespace:
        del timeout
        topics = {
            name: SimpleNamespace(partitions=numbers) for name, numbers in self.partitions.items()
        }
        return SimpleNamespace(topics=topics)

    def get_watermark_offsets(
        self, _partition: TopicPartition, *, timeout: float
    ) -> tuple[int, int]:
        del timeout
        return 0, 0

    def assign(self, partitions: list[TopicPartition]) -> None: ...
    def incremental_assign(self, partitions: list[TopicPartition]) -> None: ...
    def close(self) -> None: ...

    def pause(self, partitions: list[TopicPartition]) -> None:
        self.paused |= {(part.topic, part.partition) for part in partitions}

    def resume(self, partitions: list[TopicPartition]) -> None:
        self.paused -= {(part.topic, part.partition) for part in partitions}

    def consume(self, _count: int, *, timeout: float) -> list[Message]:
        del timeout
        return []


class Watch:
    """Knows the id of a topic that is never recreated."""

    def look(self) -> str:
        return "id"

    confirm = look


def test_partitions_added_to_a_paused_topic_are_paused(monkeypatch: pytest.MonkeyPatch) -> None:
    client, clock = Client(), ManualClock()
    monkeypatch.setattr(kafkaio.topic_reader, "TopicWatch", lambda *_, **__: Watch())
    monkeypatch.setattr(kafkaio.topic_reader, "make_consumer", lambda _configuration: client)
    with TopicReader(KafkaSettings(), {"alerts": True, "labels": True}, clock=clock) as reader:
        reader.connect(stopped=lambda: False)
        reader.pause("labels")
        client.partitions = {"alerts": [0, 1], "labels": [0, 1]}
        clock.now += 3600
        reader.read()
        assert client.paused == {("labels", 0), ("labels", 1)}
        reader.resume("labels")
        assert client.paused == set()
        client.partitions = {"alerts": [0, 1], "labels": [0, 1, 2]}
        clock.now += 3600
        reader.read()
        assert client.paused == set()
