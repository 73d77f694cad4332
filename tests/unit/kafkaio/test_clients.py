"""Construction of clients."""

from collections.abc import Callable

import pytest

from kafkaio.clients import make_admin, make_consumer, make_producer
from kafkaio.errors import SettingsError


@pytest.mark.parametrize("make", [make_consumer, make_producer, make_admin])
def test_an_unknown_property_is_one_sentence(make: Callable[..., object]) -> None:
    with pytest.raises(SettingsError, match='not accepted: No such configuration property: "no"'):
        make({"bootstrap.servers": "127.0.0.1:1", "group.id": "g", "no": "1"})
