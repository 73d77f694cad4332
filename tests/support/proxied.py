"""An embedded broker whose clients may be cut off: a second listener behind a proxy."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from broker.ports import free_ports
from broker.server import EmbeddedBroker
from fraudstream.cache import cache_folder
from kafkaio.settings import KafkaSettings
from tests.chaos.proxy import Proxy

HOST = "127.0.0.1"


@dataclass(frozen=True)
class ProxiedBroker:
    """A broker with two addresses.

    Attributes:
        direct: connections that nothing disturbs.
        through_proxy: connections that the proxy may reset or stall.
        proxy: the proxy.
    """

    direct: KafkaSettings
    through_proxy: KafkaSettings
    proxy: Proxy


@contextmanager
def proxied_broker(properties: Mapping[str, str]) -> Iterator[ProxiedBroker]:
    """Start a broker and a proxy; stop them when the block ends."""
    direct, proxied, controller, port = free_ports(4)
    listeners = {
        "listeners": f"PLAINTEXT://{HOST}:{direct},PROXIED://{HOST}:{proxied},"
        f"CONTROLLER://{HOST}:{controller}",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{direct},PROXIED://{HOST}:{port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,"
        "CONTROLLER:PLAINTEXT",
        "controller.quorum.voters": f"1@{HOST}:{controller}",
    }
    with (
        EmbeddedBroker(
            cache=cache_folder("kafka"), port=direct, properties={**listeners, **properties}
        ) as broker,
        Proxy(port, proxied) as proxy,
    ):
        yield ProxiedBroker(KafkaSettings(broker.address), KafkaSettings(f"{HOST}:{port}"), proxy)
