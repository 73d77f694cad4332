"""A commit is one transaction: all of it is visible or nothing, with one writer per id."""

import socket
from collections.abc import Callable

import pytest
from confluent_kafka import Producer

from broker.ports import free_port
from consumer.commit.sink import CommitStep
from consumer.detector.options import DeliveryName
from consumer.errors import CommitError
from events.topics import Topics
from kafkaio.settings import KafkaSettings
from tests.support.detector import PATIENCE, DetectorThread, payloads, publish
from tests.support.reading import (
    alerts,
    assert_scored_once,
    has_open_transaction,
    readable,
    rows,
)
from tests.support.standstill import Standstill, at
from tests.support.topic_configuration import configure_topic

Detect = Callable[..., DetectorThread]


def transactional_id(running: DetectorThread) -> str:
    options = running.options
    address = f"{options.metrics_host}:{options.metrics_port}"
    return f"{options.group}-{socket.gethostname()}-{address}"


def take_over(settings: KafkaSettings, transactional_id: str) -> None:
    """Register the id, as a restarted detector does."""
    producer = Producer(settings.client({"transactional.id": transactional_id}))
    producer.init_transactions(PATIENCE)


def set_largest_alert(settings: KafkaSettings, topics: Topics, size: int) -> None:
    configure_topic(settings, topics.alerts, "max.message.bytes", str(size))


def test_alerts_are_readable_once_they_are_committed_and_not_before(
    kafka_settings: KafkaSettings, topics: Topics, detect: Detect, standstill: Standstill
) -> None:
    publish(kafka_settings, topics, payloads([True] * 3))
    running = detect(hook=at(CommitStep.COMMIT, standstill))
    standstill.wait()
    running.wait_for(lambda: readable(kafka_settings, topics.alerts, "read_uncommitted") != [])
    assert running.value("fraud_alerts_total") == 0
    seen = readable(kafka_settings, topics.alerts, "read_committed")
    standstill.release()
    running.wait_for(lambda: running.value("fraud_alerts_total") == 3)
    assert seen == []
    assert alerts(kafka_settings, topics) == rows(0, 1, 2)


@pytest.mark.parametrize("step", [CommitStep.OFFSETS, CommitStep.COMMIT])
def test_a_second_process_with_the_same_transactional_id_ends_the_first(
    kafka_settings: KafkaSettings,
    topics: Topics,
    detect: Detect,
    standstill: Standstill,
    step: CommitStep,
) -> None:
    publish(kafka_settings, topics, payloads([True] * 100))
    first = detect(hook=at(step, standstill), metrics_port=free_port())
    standstill.wait()
    first.wait_for(lambda: has_open_transaction(kafka_settings, topics.alerts))
    take_over(kafka_settings, transactional_id(first))
    # The open transaction is aborted at once: readers do not wait for its timeout.
    assert not has_open_transaction(kafka_settings, topics.alerts)
    assert alerts(kafka_settings, topics) == []
    standstill.release()
    with pytest.raises(CommitError, match=r"^Another process has taken over .*fenced") as ended:
        first.join()
    assert ended.value.exit_code == 1
    assert first.value("fraud_kafka_commits_total", outcome="failed") == 1
    second = detect()
    second.wait_for(lambda: second.value("fraud_alerts_total") == 100)
    assert alerts(kafka_settings, topics) == rows(*range(100))


@pytest.mark.parametrize("delivery", ["exactly-once", "at-least-once"])
def test_rejected_alerts_are_written_again_until_they_are_accepted(
    kafka_settings: KafkaSettings, topics: Topics, detect: Detect, delivery: DeliveryName
) -> None:
    set_largest_alert(kafka_settings, topics, 100)  # an alert is larger
    publish(kafka_settings, topics, payloads([number % 2 == 0 for number in range(100)]))
    commits = 0

    def accept_the_second() -> None:
        nonlocal commits
        commits += 1
        if commits == 2:
            set_largest_alert(kafka_settings, topics, 1_000_000)

    running = detect(
        hook=at(CommitStep.PRODUCE, accept_the_second), delivery=delivery, journal=True
    )
    running.wait_for(lambda: running.value("fraud_transactions_scored_total") == 100)
    running.stop()
    assert commits >= 2
    assert running.value("fraud_alerts_total") == 50
    expected = rows(*range(0, 100, 2))
    if delivery == "exactly-once":
        assert alerts(kafka_settings, topics) == expected
        assert_scored_once(kafka_settings, topics, rows(*range(100)))
    else:
        assert sorted(set(alerts(kafka_settings, topics))) == expected


def test_a_detector_whose_alerts_are_always_rejected_gives_up_without_a_commit(
    kafka_settings: KafkaSettings, topics: Topics, detect: Detect
) -> None:
    set_largest_alert(kafka_settings, topics, 100)
    publish(kafka_settings, topics, payloads([True] * 100))
    running = detect(broker_timeout=1.0)
    with pytest.raises(CommitError, match=r"^Nothing could be committed for 1 s.*too large") as end:
        running.join()
    assert end.value.exit_code == 1
    assert alerts(kafka_settings, topics) == []
    set_largest_alert(kafka_settings, topics, 1_000_000)
    following = detect()
    following.wait_for(lambda: following.value("fraud_alerts_total") == 100)
    assert alerts(kafka_settings, topics) == rows(*range(100))
