"""Kafka under test, one broker or three, with proxies in front of it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from broker.cluster import EmbeddedCluster
from broker.ports import free_ports
from broker.properties import NODE, Ports
from broker.server import EmbeddedBroker
from fraudstream.cache import cache_folder
from tests.chaos.network import Link, Network

REPLICAS = 3
"""Brokers of a cluster, and replicas of each partition."""

COMMON = {
    # Kafka looks for expired transactions every 10 s by default. With 1 s, readers wait for an
    # abandoned transaction's timeout (10 s) and not for up to 20 s.
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
}


@dataclass(frozen=True, slots=True)
class Kafka:
    """Brokers that run, and how to reach them.

    Attributes:
        brokers: keep their data across restarts.
        network: through which the detectors reach them, and they each other.
        direct: bootstrap addresses that bypass the network.
        proxied: bootstrap addresses for the detectors.
    """

    brokers: Sequence[EmbeddedBroker]
    network: Network
    direct: str
    proxied: str


@contextmanager
def single(folder: Path) -> Iterator[Kafka]:
    """Run one broker."""
    client, controller, proxy, target = free_ports(4)
    properties = {
        "listeners": _listeners(PLAINTEXT=client, PROXIED=target, CONTROLLER=controller),
        "advertised.listeners": _listeners(PLAINTEXT=client, PROXIED=proxy),
        "listener.security.protocol.map": _plaintext("PLAINTEXT", "PROXIED", "CONTROLLER"),
        "controller.quorum.voters": f"{NODE}@127.0.0.1:{controller}",
        **COMMON,
    }
    broker = EmbeddedBroker(
        cache=cache_folder("kafka"), data=folder / "kafka", port=client, properties=properties
    )
    with broker, Network([broker], [Link(proxy, target)]) as network:
        yield Kafka([broker], network, broker.address, f"127.0.0.1:{proxy}")


@contextmanager
def cluster(folder: Path) -> Iterator[Kafka]:
    """Run three brokers, whose connections to each other lead through proxies, too."""
    numbers = iter(free_ports(7 * REPLICAS))

    def links() -> list[Link]:
        return [Link(next(numbers), next(numbers)) for _ in range(REPLICAS)]

    clients, peers, quorum = links(), links(), links()
    ports = tuple(Ports(next(numbers), link.target) for link in quorum)

    def properties(node: int) -> Mapping[str, str]:
        proxied, peer, own = clients[node - 1], peers[node - 1], ports[node - 1]
        voters = (f"{number}@127.0.0.1:{link.proxy}" for number, link in enumerate(quorum, 1))
        return {
            "listeners": _listeners(
                PLAINTEXT=own.client,
                PROXIED=proxied.target,
                PEERS=peer.target,
                CONTROLLER=own.controller,
            ),
            "advertised.listeners": _listeners(
                PLAINTEXT=own.client, PROXIED=proxied.proxy, PEERS=peer.proxy
            ),
            "listener.security.protocol.map": _plaintext(
                "PLAINTEXT", "PROXIED", "PEERS", "CONTROLLER"
            ),
            "inter.broker.listener.name": "PEERS",
            "controller.quorum.voters": ",".join(voters),
            # A leader waits so long for a replica that does not follow, 30 s by default.
            "replica.lag.time.max.ms": "10000",
            **COMMON,
        }

    kafka = EmbeddedCluster(
        cache=cache_folder("kafka"), data=folder / "kafka", ports=ports, properties=properties
    )
    network = Network(kafka.brokers, clients, list(zip(peers, quorum, strict=True)))
    with network, kafka:
        proxied = ",".join(f"127.0.0.1:{link.proxy}" for link in clients)
        yield Kafka(kafka.brokers, network, kafka.address, proxied)


def _listeners(**ports: int) -> str:
    return ",".join(f"{name}://127.0.0.1:{port}" for name, port in ports.items())


def _plaintext(*listeners: str) -> str:
    return ",".join(f"{name}:PLAINTEXT" for name in listeners)
