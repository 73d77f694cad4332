"""The producers of a replay: every record is counted as sent, delivered or failed."""

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
def unused_address() -> Iterator[str]:
    """A reserved address of this machine at which nothing listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{taken.getsockname()[1]}"


def replay_producer(address: str, **properties: str) -> tuple[ReplayProducer, list[str]]:
    said: list[str] = []
    made = ReplayProducer(
        KafkaSettings(address, {name.replace("_", "."): to for name, to in properties.items()}),
        said.append,
    )
    return made, said


def test_a_count_keeps_the_first_error() -> None:
    count = Count()
    count.confirm(None)
    count.confirm(KafkaError(KafkaError._MSG_TIMED_OUT))
    count.confirm(KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART))

    assert (count.delivered, count.failed) == (1, 2)
    assert count.error is not None
    assert "timed out" in count.error


def test_no_answer_at_the_start_is_an_error(
    unused_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(producer.publish, "ANSWER_SECONDS", 0.5)
    made, said = replay_producer(unused_address)

    with pytest.raises(
        BrokerUnreachableError, match=f"Kafka at {unused_address} does not answer: .*refused"
    ) as error:
        made.connect("transactions")

    assert error.value.exit_code == 2
    assert not said


def test_an_unknown_property_is_rejected() -> None:
    with pytest.raises(SettingsError, match=r'No such configuration property: "no\.such"'):
        replay_producer("localhost:1", no_such="1")


@pytest.mark.parametrize("name", ["acks", "enable_idempotence"])
def test_properties_that_delivery_depends_on_cannot_be_set(name: str) -> None:
    with pytest.raises(SettingsError, match="cannot be set"):
        replay_producer("localhost:1", **{name: "0"})


def test_sending_waits_for_a_full_queue_and_counts_every_record(unused_address: str) -> None:
    made, said = replay_producer(
        unused_address, queue_buffering_max_messages="1", delivery_timeout_ms="300"
    )

    for number in range(3):
        made.send(made.transactions, "transactions", b"key", b"value", 1_700_000_000_000 + number)
    made.drain()

    # With room for one, the second could only enter when the first had failed.
    assert made.transactions == Count(3, 0, 3, made.transactions.error)
    assert made.transactions.error is not None
    assert "timed out" in made.transactions.error
    assert made.failed == 3
    assert said.count(f"Kafka at {unused_address} is away; waiting for it to come back.") == 1


def test_a_record_that_the_client_rejects_counts_as_failed(unused_address: str) -> None:
    made, _ = replay_producer(unused_address, message_max_bytes="1000")

    made.send(made.labels, "labels", b"key", b"v" * 2_000, 1)

    assert (made.labels.sent, made.labels.failed) == (1, 1)
    assert made.labels.error is not None
    assert "too large" in made.labels.error


def test_abandoned_records_count_as_failed(unused_address: str) -> None:
    made, _ = replay_producer(unused_address)
    for _ in range(5):
        made.send(made.transactions, "transactions", b"key", b"value", 1)

    made.abandon()

    assert made.transactions.failed == 5


def test_an_interrupted_drain_reports_the_unconfirmed_records(
    unused_address: str, frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_producer: object) -> Never:
        raise KeyboardInterrupt

    monkeypatch.setattr(ReplayProducer, "connect", lambda *_: None)
    monkeypatch.setattr(ReplayProducer, "drain", interrupt)

    with pytest.raises(UndeliveredError, match="10 of 10 transactions and 10 of 10") as error:
        replay(frame, KafkaSettings(unused_address), Topics())

    assert error.value.exit_code == 1
    assert (error.value.report.sent, error.value.report.failed) == (10, 10)


def test_a_long_drain_is_reported(unused_address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(producer.publish, "POLL_SECONDS", 0.01)
    made, said = replay_producer(unused_address, delivery_timeout_ms="500")
    made.send(made.transactions, "transactions", b"key", b"value", 1)

    made.drain()

    assert "Waiting until Kafka confirms the last 1 records." in said
