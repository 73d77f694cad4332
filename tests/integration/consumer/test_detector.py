"""The detector on real Kafka: batches, alerts, dead letters, offsets, rebalances."""

import socket
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Callable
from itertools import product
from typing import cast

import pytest
from confluent_kafka import Consumer, TopicPartition

from broker.ports import free_port
from consumer.detector.options import DeliveryName
from consumer.errors import AddressInUseError
from events.codec import Encoding, decode_alert
from events.topics import Topics
from kafkaio.errors import BrokerUnavailableError, TopicMissingError
from kafkaio.reading import read_topic
from kafkaio.settings import KafkaSettings
from tests.support.detector import (
    DetectorThread,
    payloads,
    producing,
    publish,
    transaction,
)

Detect = Callable[..., DetectorThread]
LONG_AGO = 1_500_000_000_000
"""A timestamp, milliseconds since the epoch."""


def offsets(settings: KafkaSettings, topics: Topics, running: DetectorThread) -> int:
    """Return the sum of the group's committed offsets."""
    group = running.options.group
    consumer = Consumer(settings.client(required={"group.id": group}))
    places = [TopicPartition(topics.transactions, number) for number in range(2)]
    try:
        return sum(max(0, place.offset) for place in consumer.committed(places, timeout=10))
    finally:
        consumer.close()


@pytest.mark.parametrize("delivery", ["exactly-once", "at-least-once"])
def test_each_fraud_is_one_alert_and_every_offset_is_committed(
    kafka_settings: KafkaSettings, topics: Topics, detect: Detect, delivery: DeliveryName
) -> None:
    frauds = [number % 50 == 7 for number in range(3000)]
    publish(kafka_settings, topics, payloads(frauds))
    running = detect(delivery=delivery)
    running.wait_for(lambda: running.value("fraud_transactions_scored_total") == 3000)
    running.stop()
    alerts = [
        decode_alert(message.value()) for message in read_topic(kafka_settings, topics.alerts)
    ]
    assert sorted(alert.transaction_id for alert in alerts) == [
        f"row-{number:07d}" for number, fraud in enumerate(frauds) if fraud
    ]
    assert {(alert.score, alert.threshold, alert.model_version) for alert in alerts} == {
        (1.0, 0.5, "known-1")
    }
    assert all(alert.detection_time_ms >= alert.event_time_ms for alert in alerts)
    assert offsets(kafka_settings, topics, running) == 3000
    assert running.value("fraud_alerts_total") == 60
    assert running.value("fraud_detection_latency_seconds_count") == 60
    assert running.value("fraud_scoring_latency_seconds_count") == 3000
    assert running.value("fraud_messages_consumed_total", topic=topics.transactions) == 3000


def test_a_topic_of_mixed_encodings_has_the_alerts_of_one_in_json(
    kafka_settings: KafkaSettings, topics: Topics, detect: Detect
) -> None:
    in_compact = (range(0), range(500, 2000), range(0, 3000, 2))
    with producing(kafka_settings) as producer:
        for turn, number in product(range(3), range(3000)):
            encoding = Encoding.COMPACT if number in in_compact[turn] else Encoding.JSON
            producer.poll(0)
            producer.produce(
                topics.transactions,
                encoding.write(transaction(number, fraud=number % 50 == 7)),
                key=str(number),
                headers=list(encoding.headers),
                timestamp=LONG_AGO + turn,
            )
    running = detect(batch_maximum=700)  # some groups of one encoding, some of both
    running.wait_for(lambda: running.value("fraud_transactions_scored_total") == 9000)
    running.stop()
    raised = defaultdict[int, list[tuple[str, float, float]]](list)
    for message in read_topic(kafka_settings, topics.alerts):
        alert = decode_alert(message.value())
        raised[alert.event_time_ms].append((alert.transaction_id, alert.Amount, alert.score))
    in_json, *others = (sorted(raised[LONG_AGO + turn]) for turn in range(3))
    assert len(in_json) == 60
    assert others == [in_json, in_json]


def test_an_alert_is_keyed_by_its_transaction_and_keeps_its_event_time(
    kafka_settings: KafkaSettings, topics: Topics, detect: Detect
) -> None:
    publish(kafka_settings, topics, payloads([True]), timestamp=LONG_AGO)
    running = detect()
    running.wait_for(lambda: running.value("fraud_alerts_total") == 1)
    (message,) = read_topic(kafka_settings, topics.alerts)
    alert = decode_alert(message.value())
    assert message.key() == b"row-0000000" == alert.transaction_id.encode()
    assert alert.event_time_ms == LONG_AGO
    # One is rounded to a millisecond, the other truncated.
    assert message.timestamp()[1] >= alert.detection_time_ms - 1 > LONG_AGO


def test_a_backlog_is_read_in_full_batches_up_to_the_maximum(
    kafka_settings: KafkaSettings, topics: Topics, detect: Detect
) -> None:
    publish(kafka_settings, topics, payloads([False] * 20_000))
    running = detect(batch_maximum=256)
    running.wait_for(lambda: running.value("fraud_transactions_scored_total") == 20_000)
    assert running.model.largest == 256
    full = running.value("fraud_batches_total", trigger="full")
    assert full > running.value("fraud_batches_total", trigger="drained")


def test_a_single_record_is_a_batch_of_its_own_without_a_wait(
    kafka_settings: KafkaSettings, topics: Topics, detect: Detect
) -> None:
    running = detect()
    running.wait_for(lambda: running.value("fraud_kafka_rebalances_total", event="assigned") > 0)
    for count in range(1, 4):
        publish(kafka_settings, topics, payloads([False]))
        running.wait_for(lambda: running.value("fraud_transactions_scored_total") == count)  # noqa: B023 - awaited in this turn
    assert running.model.largest == 1
    assert running.value("fraud_batches_total", trigger="drained") == 3


def test_a_new_process_continues_where_the_last_one_committed(
    kafka_settings: KafkaSettings, topics: Topics, detect: Detect
) -> None:
    publish(kafka_settings, topics, payloads([True] * 100))
    first = detect()
    first.wait_for(lambda: first.value("fraud_alerts_total") == 100)
    first.stop()
    publish(kafka_settings, topics, payloads([True] * 50))
    second = detect()
    second.wait_for(lambda: second.value("fraud_alerts_total") == 50)
    second.stop()
    assert second.value("fraud_transactions_scored_total") == 50
    assert len(list(read_topic(kafka_settings, topics.alerts))) == 150


def test_a_stop_commits_before_the_interval_is_over(
    kafka_settings: KafkaSettings, topics: Topics, detect: Detect
) -> None:
    running = detect(commit_interval=60.0)
    running.wait_for(lambda: running.value("fraud_kafka_rebalances_total", event="assigned") > 0)
    publish(kafka_settings, topics, payloads([False] * 500))
    running.wait_for(lambda: running.model.scored == 500)
    running.stop()
    assert offsets(kafka_settings, topics, running) == 500
    assert running.value("fraud_transactions_scored_total") == 500


def test_a_second_member_shares_the_partitions_and_nothing_is_processed_twice(
    kafka_settings: KafkaSettings, topics: Topics, detect: Detect
) -> None:
    def lag_series(running: DetectorThread) -> int:
        text = "fraud_kafka_consumer_lag"
        return sum(
            1
            for partition in "01"
            if running.registry.get_sample_value(
                text, {"topic": topics.transactions, "partition": partition}
            )
            is not None
        )

    first = detect(commit_interval=60.0)
    first.wait_for(lambda: lag_series(first) == 2)
    publish(kafka_settings, topics, payloads([True, False] * 500))
    first.wait_for(lambda: first.model.scored == 1000)
    second = detect()
    second.wait_for(lambda: second.value("fraud_kafka_rebalances_total", event="assigned") > 0)
    first.wait_for(lambda: first.value("fraud_kafka_rebalances_total", event="revoked") > 0)
    first.wait_for(lambda: lag_series(first) == 1)
    publish(kafka_settings, topics, payloads([True, False] * 500))
    both = (first, second)
    first.wait_for(lambda: sum(one.model.scored for one in both) >= 2000)
    for one in both:
        one.stop()
    assert sum(one.value("fraud_transactions_scored_total") for one in both) == 2000
    assert len(list(read_topic(kafka_settings, topics.alerts))) == 1000
    assert offsets(kafka_settings, topics, first) == 2000


def test_a_dead_letter_has_the_record_and_the_reason(
    kafka_settings: KafkaSettings, topics: Topics, detect: Detect
) -> None:
    original = [("trace", b"abc"), ("hop", b"1"), ("hop", b"2"), ("none", None)]
    publish(kafka_settings, topics, [b"{"], headers=original, timestamp=LONG_AGO)
    running = detect()
    running.wait_for(lambda: running.value("fraud_dead_letters_total", reason="malformed_json") > 0)
    (message,) = read_topic(kafka_settings, topics.dead_letters)
    assert (message.key(), message.value()) == (b"0", b"{")
    assert message.timestamp()[1] == LONG_AGO
    stored = cast("list[tuple[str, bytes]]", message.headers())
    assert stored[: len(original)] == original
    headers = dict(stored)
    assert headers["fraudstream.reason"] == b"malformed_json"
    assert headers["__connect.errors.topic"] == topics.transactions.encode()
    assert headers["__connect.errors.offset"] == b"0"
    assert headers["__connect.errors.stage"] == b"decode"
    assert b"truncated" in headers["__connect.errors.exception.message"]


def test_health_and_readiness_are_served(
    kafka_settings: KafkaSettings, topics: Topics, detect: Detect
) -> None:
    port = free_port()

    def answers(path: str) -> int:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}") as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            error.close()
            return error.code
        except urllib.error.URLError:
            return 0

    running = detect(metrics_port=port)
    running.wait_for(lambda: answers("/readyz") == 200)
    assert answers("/healthz") == 200
    assert answers("/metrics") == 200
    assert running.value("fraud_threshold") == 0.5


def test_a_missing_topic_is_named(kafka_settings: KafkaSettings) -> None:
    running = DetectorThread(kafka_settings, Topics("nowhere."), group="test-nowhere")
    with pytest.raises(TopicMissingError, match=r"no topic nowhere\.transactions and no topic"):
        running.join()


def test_the_wait_for_an_absent_broker_ends_at_the_limit(topics: Topics) -> None:
    nobody = KafkaSettings("127.0.0.1:1")
    running = DetectorThread(nobody, topics, group="test", broker_timeout=1.5)
    with pytest.raises(BrokerUnavailableError, match=r"127\.0\.0\.1:1 has not answered"):
        running.join()


def test_a_taken_metrics_port_is_named(kafka_settings: KafkaSettings, topics: Topics) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        running = DetectorThread(kafka_settings, topics, group="test", metrics_port=port)
        with pytest.raises(AddressInUseError, match=f"Port {port} "):
            running.join()
