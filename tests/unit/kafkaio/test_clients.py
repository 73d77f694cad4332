"""Construction of clients."""

from collections.abc import Callable
from typing import Any

import pytest

from kafkaio.clients import make_admin, make_consumer, make_producer, member_settings
from kafkaio.errors import SettingsError
from kafkaio.settings import KafkaSettings


def member(**properties: str) -> dict[str, Any]:
    """Return a member's configuration; a property's dots are underscores."""
    given = {name.replace("_", "."): value for name, value in properties.items()}
    settings = KafkaSettings("127.0.0.1:1", given)
    return member_settings(settings, "g", on_error=lambda _: None, on_statistics=lambda _: None)


@pytest.mark.parametrize("make", [make_consumer, make_producer, make_admin])
def test_an_unknown_property_is_one_sentence(make: Callable[..., object]) -> None:
    with pytest.raises(SettingsError, match='not accepted: No such configuration property: "no"'):
        make({"bootstrap.servers": "127.0.0.1:1", "group.id": "g", "no": "1"})


@pytest.mark.parametrize("make", [make_consumer, make_producer, make_admin])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("throttle_cb", "callback"),
        ("oauth_cb", "callback"),
        ("default.topic.config", "acks"),
        ("client.id", "\udcff"),
        ("queue.buffering.max.ms", "900001"),
    ],
)
def test_a_property_that_python_rejects_is_one_sentence(
    make: Callable[..., object], name: str, value: str
) -> None:
    with pytest.raises(SettingsError, match="A Kafka property is not accepted: ") as caught:
        make({"bootstrap.servers": "127.0.0.1:1", "group.id": "g", name: value})
    assert "\n" not in str(caught.value)


def test_properties_that_contradict_each_other_are_one_sentence() -> None:
    with pytest.raises(SettingsError, match="must be greater than"):
        make_producer(
            {"bootstrap.servers": "127.0.0.1:1", "delivery.timeout.ms": "5", "linger.ms": "10"}
        )


def test_a_classic_member_says_how_soon_its_death_is_noticed() -> None:
    assert member()["session.timeout.ms"] == 6000
    assert member(session_timeout_ms="9000")["session.timeout.ms"] == "9000"
    make_consumer(member(group_protocol="classic")).close()


@pytest.mark.parametrize("protocol", ["consumer", "CONSUMER"])  # librdkafka accepts both
def test_a_member_with_the_consumer_protocol_leaves_that_to_the_broker(protocol: str) -> None:
    make_consumer(member(group_protocol=protocol, group_instance_id="one")).close()


def test_what_only_the_broker_may_decide_is_one_sentence() -> None:
    with pytest.raises(SettingsError, match=r"session\.timeout\.ms.*defined broker side\.$"):
        make_consumer(member(group_protocol="consumer", session_timeout_ms="9000"))
