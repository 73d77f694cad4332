"""Outputs that Kafka rejects: adjusted and counted where possible, waited for where not."""

import time
from collections.abc import Callable

import pytest
from confluent_kafka import Message

from consumer.detector.options import DeliveryName
from events.codec import read_dead_letter
from events.messages import DeadLetter
from events.topics import Topics
from kafkaio.reading import read_topic
from kafkaio.settings import KafkaSettings
from kafkaio.topics import create_topics, delete_topics
from tests.support.detector import DetectorThread, payloads, publish
from tests.support.reading import PARTITIONS, alerts, rows
from tests.support.topic_configuration import configure_topic

Detect = Callable[..., DetectorThread]
DAY = 86_400_000  # milliseconds
EXCERPT_BYTES = 16 * 1024


def dead_letters(settings: KafkaSettings, topics: Topics) -> list[tuple[Message, DeadLetter]]:
    return [
        (
            message,
            read_dead_letter(
                message.key(),
                message.value(),
                message.headers() or [],  # type: ignore[arg-type]
                message.timestamp()[1],
            ),
        )
        for message in read_topic(settings, topics.dead_letters)
    ]


def adjusted(running: DetectorThread, topic: str, reason: str) -> float:
    return running.value("fraud_records_adjusted_total", topic=topic, reason=reason)


@pytest.mark.parametrize("delivery", ["exactly-once", "at-least-once"])
def test_a_dead_letter_whose_timestamp_is_rejected_gets_another(
    kafka_settings: KafkaSettings, topics: Topics, detect: Detect, delivery: DeliveryName
) -> None:
    limit = "message.timestamp.after.max.ms"
    configure_topic(kafka_settings, topics.transactions, limit, str(10 * DAY))
    configure_topic(kafka_settings, topics.dead_letters, limit, "3600000")
    now = round(time.time() * 1000)
    unreadable: list[bytes | None] = [b"{", b"{{"]
    publish(kafka_settings, topics, payloads([True] * 3) + unreadable, timestamp=now + DAY)
    running = detect(delivery=delivery)
    running.wait_for(lambda: running.value("fraud_alerts_total") == 3)
    running.wait_for(lambda: adjusted(running, topics.dead_letters, "timestamp") == 2)
    running.stop()
    letters = dead_letters(kafka_settings, topics)
    assert sorted(letter.value or b"" for _, letter in letters) == unreadable
    for message, letter in letters:
        assert now <= message.timestamp()[1] < now + DAY
        assert letter.timestamp == now + DAY  # which a replay restores
        assert letter.headers == ()
    assert set(alerts(kafka_settings, topics)) == set(rows(0, 1, 2))
    if delivery == "exactly-once":
        assert len(alerts(kafka_settings, topics)) == 3
    assert running.value("fraud_kafka_commits_total", outcome="aborted") == 0


@pytest.mark.parametrize("delivery", ["exactly-once", "at-least-once"])
def test_a_dead_letter_too_large_for_its_topic_becomes_an_excerpt(
    kafka_settings: KafkaSettings, topics: Topics, detect: Detect, delivery: DeliveryName
) -> None:
    configure_topic(kafka_settings, topics.dead_letters, "max.message.bytes", "20000")
    large = b"{" * 50_000
    small = [b"{" * 1000 for _ in range(60)]  # too much for one batch, together
    publish(kafka_settings, topics, [*payloads([True]), *small, large], partition=0)
    running = detect(delivery=delivery)
    running.wait_for(lambda: adjusted(running, topics.dead_letters, "size") == 1)
    running.wait_for(lambda: running.value("fraud_alerts_total") == 1)
    running.stop()
    letters = {letter.offset: letter for _, letter in dead_letters(kafka_settings, topics)}
    assert [letters[offset].value for offset in range(1, 61)] == small
    excerpt = letters[61]
    assert excerpt.value == large[:EXCERPT_BYTES]
    assert "too large to be kept whole" in excerpt.message
    assert adjusted(running, topics.dead_letters, "size") == 1
    assert set(alerts(kafka_settings, topics)) == set(rows(0))


def test_a_deleted_topic_is_named_and_waited_for(
    kafka_settings: KafkaSettings,
    topics: Topics,
    detect: Detect,
    caplog: pytest.LogCaptureFixture,
) -> None:
    running = detect(broker_timeout=120.0)
    publish(kafka_settings, topics, payloads([True] * 3))
    running.wait_for(lambda: running.value("fraud_alerts_total") == 3)
    delete_topics(kafka_settings, [topics.alerts])
    publish(kafka_settings, topics, payloads([True] * 5)[3:])
    running.wait_for(lambda: f"topic {topics.alerts} does not exist" in caplog.text)
    create_topics(kafka_settings, [topics.alerts], partitions=PARTITIONS, retention=None)
    running.wait_for(lambda: running.value("fraud_alerts_total") == 5)
    running.stop()
    assert alerts(kafka_settings, topics) == rows(3, 4)
