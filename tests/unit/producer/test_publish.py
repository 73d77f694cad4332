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
    """An address of this machine at which nothing listens, kept from others."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{taken.getsockname()[1]}"


def outlet(address: str, **properties: str) -> tuple[ReplayProducer, list[str]]:
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
    assert "timed out" in count.error


def test_nobody_answers_at_the_start(nobody: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(producer.publish, "ANSWER_SECONDS", 0.5)
    made, said = outlet(nobody)

    with pytest.raises(
        BrokerUnreachableError, match=f"Kafka at {nobody} does not answer: .*refused"
    ) as error:
        made.connect("transactions")

    assert error.value.exit_code == 2
    assert not said


def test_a_setting_that_does_not_exist_is_refused() -> None:
    with pytest.raises(SettingsError, match=r'No such configuration property: "no\.such"'):
        outlet("localhost:1", no_such="1")


@pytest.mark.parametrize("name", ["acks", "enable_idempotence"])
def test_what_delivery_rests_on_cannot_be_changed(name: str) -> None:
    with pytest.raises(SettingsError, match="cannot be set"):
        outlet("localhost:1", **{name: "0"})


def test_a_full_queue_waits_and_every_record_is_accounted_for(nobody: str) -> None:
    made, said = outlet(nobody, queue_buffering_max_messages="1", delivery_timeout_ms="300")

    for number in range(3):
        made.send(made.transactions, "transactions", b"key", b"value", 1_700_000_000_000 + number)
    made.drain()

    # With room for one, the second could only enter when the first had failed.
    assert made.transactions == Count(3, 0, 3, made.transactions.error)
    assert "timed out" in made.transactions.error
    assert made.failed == 3
    assert said.count(f"Kafka at {nobody} is away; waiting for it to come back.") == 1


def test_a_record_that_the_client_refuses_is_a_failed_one(nobody: str) -> None:
    made, _ = outlet(nobody, message_max_bytes="1000")

    made.send(made.labels, "labels", b"key", b"v" * 2_000, 1)

    assert (made.labels.sent, made.labels.failed) == (1, 1)
    assert "too large" in made.labels.error


def test_what_is_given_up_counts_as_failed(nobody: str) -> None:
    made, _ = outlet(nobody)
    for _ in range(5):
        made.send(made.transactions, "transactions", b"key", b"value", 1)

    made.abandon()

    assert made.transactions.failed == 5


def test_an_interrupted_wait_says_what_was_not_confirmed(
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


def test_a_drain_that_lasts_says_so(nobody: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(producer.publish, "POLL_SECONDS", 0.01)
    made, said = outlet(nobody, delivery_timeout_ms="500")
    made.send(made.transactions, "transactions", b"key", b"value", 1)

    made.drain()

    assert "Waiting until Kafka confirms the last 1 records." in said
