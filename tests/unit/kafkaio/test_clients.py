"""Construction of clients."""

from collections.abc import Callable

import pytest

from kafkaio.clients import make_admin, make_consumer, make_producer
from kafkaio.errors import SettingsError


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
