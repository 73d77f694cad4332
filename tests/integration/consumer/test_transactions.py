"""One transaction for each commit: all of it is seen or nothing, and one writer for each id."""

import socket
from collections.abc import Callable

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from broker.node import free_port
from consumer.commit.sink import Step
from consumer.detector.service import DeliveryName
from consumer.errors import CommitError
from events.topics import Topics
from kafkaio.settings import KafkaSettings
from tests.support.detector import PATIENCE, Running, payloads, publish
from tests.support.reading import (
    alerts,
    assert_scored_once,
    has_open_transaction,
    readable,
    rows,
)
from tests.support.standstill import Standstill, at

Detect = Callable[..., Running]


def transactional_id(running: Running) -> str:
    options = running.options
    address = f"{options.metrics_host}:{options.metrics_port}"
    return f"{options.group}-{socket.gethostname()}-{address}"


def take_over(settings: KafkaSettings, transactional_id: str) -> None:
    """Do what a restarted detector does first."""
    producer = Producer(settings.client({"transactional.id": transactional_id}))
    producer.init_transactions(PATIENCE)


def set_largest_alert(settings: KafkaSettings, topics: Topics, size: int) -> None:
    """Set how many bytes the topic of alerts takes at once; return when it is so."""
    admin = AdminClient(settings.client())
    name = "max.message.bytes"
    entry = ConfigEntry(name, str(size), incremental_operation=AlterConfigOpType.SET)
    wanted = ConfigResource(ResourceType.TOPIC, topics.alerts, incremental_configs=[entry])
    for future in admin.incremental_alter_configs([wanted]).values():
        future.result(PATIENCE)
    asked = ConfigResource(ResourceType.TOPIC, topics.alerts)
    while admin.describe_configs([asked])[asked].result(PATIENCE)[name].value != str(size):
        pass


def test_alerts_are_readable_when_they_are_committed_and_not_before(
    kafka_settings: KafkaSettings, topics: Topics, detect: Detect, standstill: Standstill
) -> None:
    publish(kafka_settings, topics, payloads([True] * 3))
    running = detect(reached=at(Step.COMMIT, standstill))
    standstill.wait()
    running.wait_for(lambda: readable(kafka_settings, topics.alerts, "read_uncommitted") != [])
    assert running.value("fraud_alerts_total") == 0
    seen = readable(kafka_settings, topics.alerts, "read_committed")
    standstill.release()
    running.wait_for(lambda: running.value("fraud_alerts_total") == 3)
    assert seen == []
    assert alerts(kafka_settings, topics) == rows(0, 1, 2)


@pytest.mark.parametrize("step", [Step.OFFSETS, Step.COMMIT])
def test_a_second_process_of_the_same_identity_ends_the_first(
    kafka_settings: KafkaSettings,
    topics: Topics,
    detect: Detect,
    standstill: Standstill,
    step: Step,
) -> None:
    publish(kafka_settings, topics, payloads([True] * 100))
    first = detect(reached=at(step, standstill), metrics_port=free_port())
    standstill.wait()
    first.wait_for(lambda: has_open_transaction(kafka_settings, topics.alerts))
    take_over(kafka_settings, transactional_id(first))
    # What the first one left open is ended at once: readers do not wait for its timeout.
    assert not has_open_transaction(kafka_settings, topics.alerts)
    assert alerts(kafka_settings, topics) == []
    standstill.release()
    with pytest.raises(CommitError, match=r"^[^.]+fenced[^.]*\.[^.]*$") as ended:
        first.join()
    assert ended.value.exit_code == 1
    assert first.value("fraud_kafka_commits_total", outcome="failed") == 1
    second = detect()
    second.wait_for(lambda: second.value("fraud_alerts_total") == 100)
    assert alerts(kafka_settings, topics) == rows(*range(100))


@pytest.mark.parametrize("delivery", ["exactly-once", "at-least-once"])
def test_alerts_that_are_refused_are_done_again_until_they_are_taken(
    kafka_settings: KafkaSettings, topics: Topics, detect: Detect, delivery: DeliveryName
) -> None:
    set_largest_alert(kafka_settings, topics, 100)  # an alert takes more
    publish(kafka_settings, topics, payloads([number % 2 == 0 for number in range(100)]))
    begun = 0

    def permit_the_second() -> None:
        nonlocal begun
        begun += 1
        if begun == 2:
            set_largest_alert(kafka_settings, topics, 1_000_000)

    running = detect(reached=at(Step.PRODUCE, permit_the_second), delivery=delivery, journal=True)
    running.wait_for(lambda: running.value("fraud_transactions_scored_total") == 100)
    running.stop()
    assert running.value("fraud_kafka_commits_total", outcome="aborted") >= 1
    assert running.value("fraud_alerts_total") == 50
    expected = rows(*range(0, 100, 2))
    if delivery == "exactly-once":
        assert alerts(kafka_settings, topics) == expected
        assert_scored_once(kafka_settings, topics, rows(*range(100)))
    else:
        assert sorted(set(alerts(kafka_settings, topics))) == expected


def test_a_detector_whose_alerts_are_always_refused_gives_up_and_has_committed_nothing(
    kafka_settings: KafkaSettings, topics: Topics, detect: Detect
) -> None:
    set_largest_alert(kafka_settings, topics, 100)
    publish(kafka_settings, topics, payloads([True] * 100))
    running = detect()
    with pytest.raises(CommitError, match=r"^10 commits in a row were aborted.*too large") as end:
        running.join()
    assert end.value.exit_code == 1
    assert alerts(kafka_settings, topics) == []
    set_largest_alert(kafka_settings, topics, 1_000_000)
    following = detect()
    following.wait_for(lambda: following.value("fraud_alerts_total") == 100)
    assert alerts(kafka_settings, topics) == rows(*range(100))
