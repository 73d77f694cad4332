"""A detector that cannot go on ends with a sentence, or reports that it stands still."""

from collections.abc import Callable
from functools import partial

import pytest
from confluent_kafka.cimpl import NewPartitions

from consumer.commit.watchdog import Watchdog
from events.topics import Topics
from kafkaio.clients import make_admin
from kafkaio.errors import ClientFailedError
from kafkaio.settings import KafkaSettings
from tests.support.command import Transactions
from tests.support.detector import DetectorThread, payloads, producing, publish
from tests.support.standstill import HeldModel, Standstill

Detect = Callable[..., DetectorThread]


def test_a_member_whose_instance_id_another_one_took_ends_with_a_sentence(
    kafka_settings: KafkaSettings, topics: Topics, detect: Detect
) -> None:
    static = KafkaSettings(kafka_settings.broker, {"group.instance.id": "same"})
    first = detect(static)
    first.wait_for(lambda: first.value("fraud_kafka_rebalances_total", event="assigned") > 0)
    second = detect(static)
    with pytest.raises(ClientFailedError, match=r"cannot continue: .*group\.instance\.id") as fatal:
        first.join()
    assert fatal.value.exit_code == 1
    assert (
        fatal.value.hint == "Each member of a group needs a group.instance.id of its own, or none."
    )
    second.stop()


def lag(running: DetectorThread, topics: Topics, partition: int) -> float:
    return running.value(
        "fraud_kafka_consumer_lag", topic=topics.transactions, partition=str(partition)
    )


def write(settings: KafkaSettings, topic: str, values: list[bytes | None], partition: int) -> None:
    """Write these values to one partition."""
    with producing(settings) as producer:
        for value in values:
            producer.produce(topic, value, partition=partition)


def add_partitions(settings: KafkaSettings, topic: str, total: int) -> None:
    admin = make_admin(settings.client())
    for answer in admin.create_partitions([NewPartitions(topic, total)]).values():
        answer.result(30)


def test_records_behind_an_open_transaction_are_lag_until_it_ends(
    kafka_settings: KafkaSettings, topics: Topics, detect: Detect
) -> None:
    running = detect()
    transactions = Transactions(kafka_settings)
    write(kafka_settings, topics.transactions, payloads([False]), partition=0)
    running.wait_for(lambda: running.value("fraud_transactions_scored_total") == 1)
    transactions.begin(topics.transactions, *payloads([False] * 11))
    write(kafka_settings, topics.transactions, payloads([False] * 20), partition=0)
    running.wait_for(lambda: lag(running, topics, 0) == 31)
    assert running.value("fraud_transactions_scored_total") == 1
    transactions.commit()
    running.wait_for(lambda: running.value("fraud_transactions_scored_total") == 32)
    running.wait_for(lambda: lag(running, topics, 0) == 0)


def test_an_added_partition_is_read_within_seconds(
    kafka_settings: KafkaSettings, topics: Topics, detect: Detect
) -> None:
    running = detect()
    running.wait_for(lambda: running.value("fraud_kafka_rebalances_total", event="assigned") > 0)
    add_partitions(kafka_settings, topics.transactions, 3)
    write(kafka_settings, topics.transactions, payloads([False] * 5), partition=2)
    running.wait_for(lambda: running.value("fraud_transactions_scored_total") == 5)


@pytest.mark.parametrize("delivery", ["exactly-once", "at-least-once"])
def test_a_partition_that_the_journal_lacks_is_read_once_the_journal_has_it(
    kafka_settings: KafkaSettings,
    topics: Topics,
    detect: Detect,
    caplog: pytest.LogCaptureFixture,
    delivery: str,
) -> None:
    running = detect(journal=True, delivery=delivery)
    running.wait_for(lambda: running.value("fraud_kafka_rebalances_total", event="assigned") > 0)
    add_partitions(kafka_settings, topics.transactions, 3)
    write(kafka_settings, topics.transactions, payloads([False] * 5), partition=2)
    running.wait_for(lambda: f"{topics.transactions} [2] is not read" in caplog.text)
    running.wait_for(lambda: lag(running, topics, 2) == 5)
    write(kafka_settings, topics.transactions, payloads([False] * 3), partition=1)
    running.wait_for(lambda: running.value("fraud_transactions_scored_total") == 3)
    add_partitions(kafka_settings, topics.journal, 3)
    running.wait_for(lambda: running.value("fraud_transactions_scored_total") == 8)


def test_a_model_that_hangs_ends_the_process(
    kafka_settings: KafkaSettings,
    topics: Topics,
    detect: Detect,
    standstill: Standstill,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ended = list[str]()
    monkeypatch.setattr("consumer.detector.service.WATCHDOG_SECONDS", 1.0)
    monkeypatch.setattr("consumer.detector.service.Watchdog", partial(Watchdog, end=ended.append))
    publish(kafka_settings, topics, payloads([False]))
    running = detect(model=HeldModel(standstill))
    standstill.wait()
    sentence = "Scoring 1 transactions has not returned for 1 s"
    running.wait_for(lambda: any(message.startswith(sentence) for message in ended))
