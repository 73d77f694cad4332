"""Detectors whose group has no committed offsets any more, although it has raised alerts."""

from collections.abc import Callable
from functools import partial

import pytest
from confluent_kafka.admin import AdminClient

from events.topics import Topics
from kafkaio.settings import KafkaSettings
from tests.support.detector import PATIENCE, DetectorThread, payloads, publish
from tests.support.reading import alerts, rows

Detect = Callable[..., DetectorThread]


def expire(settings: KafkaSettings, group: str) -> None:
    """Delete the group, as Kafka does when it has had no member for a week."""
    admin = AdminClient(settings.client())  # a name keeps it alive until it has answered
    admin.delete_consumer_groups([group])[group].result(PATIENCE)


def _has_processed(detector: DetectorThread, records: int) -> bool:
    return processed(detector) == records


def processed(detector: DetectorThread) -> float:
    return detector.value("fraud_transactions_scored_total") + detector.value(
        "fraud_dead_letters_total", reason="malformed_json"
    )


def test_alerts_and_dead_letters_are_not_written_again(
    detect: Detect,
    kafka_settings: KafkaSettings,
    topics: Topics,
    caplog: pytest.LogCaptureFixture,
) -> None:
    frauds = [number % 3 == 0 for number in range(60)]
    publish(kafka_settings, topics, [*payloads(frauds), b"{"])
    first = detect()
    first.wait_for(lambda: processed(first) == 61)
    first.stop()
    expire(kafka_settings, first.options.group)
    second = detect()
    publish(kafka_settings, topics, payloads([*frauds, True, True])[60:])
    second.wait_for(lambda: second.value("fraud_alerts_total") == 2)
    second.stop()
    assert alerts(kafka_settings, topics) == rows(*range(0, 60, 3), 60, 61)
    assert second.value("fraud_dead_letters_total", reason="malformed_json") == 0
    assert "its offsets have expired. It continues after that." in caplog.text


def test_another_group_begins_at_the_first_record(
    detect: Detect, kafka_settings: KafkaSettings, topics: Topics
) -> None:
    publish(kafka_settings, topics, payloads([True] * 10))
    first = detect()
    first.wait_for(lambda: processed(first) == 10)
    first.stop()
    other = DetectorThread(kafka_settings, topics, group=f"{first.options.group}-other")
    try:
        other.wait_for(lambda: processed(other) == 10)
    finally:
        other.stop()
    assert alerts(kafka_settings, topics) == sorted(2 * rows(*range(10)))


def test_at_least_once_scores_everything_again(
    detect: Detect, kafka_settings: KafkaSettings, topics: Topics
) -> None:
    publish(kafka_settings, topics, payloads([True] * 10))
    for _ in range(2):
        running = detect(delivery="at-least-once")
        running.wait_for(partial(_has_processed, running, 10))
        running.stop()
        expire(kafka_settings, running.options.group)
    assert alerts(kafka_settings, topics) == sorted(2 * rows(*range(10)))
