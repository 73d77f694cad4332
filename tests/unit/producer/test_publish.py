import socket
from collections.abc import Iterator
from typing import Never

import pandas as pd
import pytest
from confluent_kafka import KafkaError

import producer.publish
from events.topics import Topics
from kafkaio.errors import BrokerUnreachableError, SettingsError
from kafkaio.settings import KafkaSettings
from producer.errors import UndeliveredError
from producer.publish import Count, ReplayProducer
from producer.replay import replay


@pytest.fixture
def nobody() -> Iterator[str]:
    """Reserve an address of this machine at which nothing listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{taken.getsockname()[1]}"


def make(address: str, **properties: str) -> tuple[ReplayProducer, list[str]]:
    remarks: list[str] = []
    publisher = ReplayProducer(
        KafkaSettings(address, {name.replace("_", "."): to for name, to in properties.items()}),
        remarks.append,
    )
    return publisher, remarks


def test_a_count_keeps_the_first_error() -> None:
    count = Count()
    count.confirm(None)
    count.confirm(KafkaError(KafkaError._MSG_TIMED_OUT))
    count.confirm(KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART))

    assert (count.delivered, count.failed) == (1, 2)
    assert "timed out" in (count.error or "")


def test_an_absent_broker_is_reported_after_the_patience(
    nobody: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(producer.publish, "ANSWER_SECONDS", 0.5)
    publisher, remarks = make(nobody)

    with pytest.raises(
        BrokerUnreachableError, match=f"Kafka at {nobody} does not answer: .*refused"
    ) as error:
        publisher.connect("transactions")

    assert error.value.exit_code == 2
    assert not remarks


def test_an_unknown_property_is_rejected() -> None:
    with pytest.raises(SettingsError, match=r'No such configuration property: "no\.such"'):
        make("localhost:1", no_such="1")


@pytest.mark.parametrize("name", ["acks", "enable_idempotence"])
def test_a_required_property_cannot_be_overridden(name: str) -> None:
    with pytest.raises(SettingsError, match="cannot be set"):
        make("localhost:1", **{name: "0"})


def test_a_full_queue_blocks_and_every_record_is_counted(nobody: str) -> None:
    publisher, remarks = make(nobody, queue_buffering_max_messages="1", delivery_timeout_ms="300")

    for number in range(3):
        publisher.send(
            publisher.transactions, "transactions", b"key", b"value", 1_700_000_000_000 + number
        )
    publisher.drain()

    # The queue holds one record, so the second one enters only after the first has failed.
    assert publisher.transactions == Count(3, 0, 3, publisher.transactions.error)
    assert "timed out" in (publisher.transactions.error or "")
    assert publisher.failed == 3
    assert remarks.count(f"Kafka at {nobody} is away; waiting for it to come back.") == 1


def test_a_record_that_the_client_rejects_has_failed(nobody: str) -> None:
    publisher, _ = make(nobody, message_max_bytes="1000")

    publisher.send(publisher.labels, "labels", b"key", b"v" * 2_000, 1)

    assert (publisher.labels.sent, publisher.labels.failed) == (1, 1)
    assert "too large" in (publisher.labels.error or "")


def test_abandoned_records_have_failed(nobody: str) -> None:
    publisher, _ = make(nobody)
    for _ in range(5):
        publisher.send(publisher.transactions, "transactions", b"key", b"value", 1)

    publisher.abandon()

    assert publisher.transactions.failed == 5


def test_an_interrupted_wait_reports_unconfirmed_records(
    nobody: str, frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_outlet: object) -> Never:
        raise KeyboardInterrupt

    monkeypatch.setattr(ReplayProducer, "connect", lambda *_: None)
    monkeypatch.setattr(ReplayProducer, "drain", interrupt)

    with pytest.raises(UndeliveredError, match="10 of 10 transactions and 10 of 10") as error:
        replay(frame, KafkaSettings(nobody), Topics())

    assert error.value.exit_code == 1
    assert (error.value.report.sent, error.value.report.failed) == (10, 10)


def test_a_long_drain_is_reported(nobody: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(producer.publish, "POLL_SECONDS", 0.01)
    publisher, remarks = make(nobody, delivery_timeout_ms="500")
    publisher.send(publisher.transactions, "transactions", b"key", b"value", 1)

    publisher.drain()

    assert "Waiting until Kafka confirms the last 1 records." in remarks
