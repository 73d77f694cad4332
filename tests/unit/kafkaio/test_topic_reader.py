"""The topic reader without a broker: how it fails to connect."""

import socket
from collections.abc import Iterator

import pytest

import kafkaio.topic_reader
from kafkaio.errors import BrokerUnreachableError
from kafkaio.settings import KafkaSettings
from kafkaio.topic_reader import TopicReader


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
