"""The `server.properties` of a single-node Kafka that listens on the loopback interface only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

NODE = 1
"""The node's id."""

NO_EXTRA: Mapping[str, str] = MappingProxyType({})
"""No extra properties."""


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports of a node, both on the loopback interface.

    Attributes:
        client: for clients and, in a cluster, for the other brokers.
        controller: for the controllers' quorum.
    """

    client: int
    controller: int


def server_properties(
    folder: Path, *, port: int, controller_port: int, extra: Mapping[str, str] = NO_EXTRA
) -> dict[str, str]:
    """Return the properties of one node that is broker and controller (KRaft).

    Args:
        folder: Kafka's log directory.
        port: for clients, on the loopback interface only.
        controller_port: for the controller's listener, on the loopback interface only.
        extra: extra properties; they override ours.
    """
    return {
        "process.roles": "broker,controller",
        "node.id": str(NODE),
        "controller.quorum.voters": f"{NODE}@127.0.0.1:{controller_port}",
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "controller.listener.names": "CONTROLLER",
        "log.dirs": str(folder),
        # A misspelt topic name must be an error, not a new topic.
        "auto.create.topics.enable": "false",
        # One node cannot hold the default of three replicas of Kafka's internal topics.
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        # The default of 50 partitions each costs files and start time that few consumers need.
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.num.partitions": "4",
        "share.coordinator.state.topic.num.partitions": "1",
        # After a crash the restarted node waits until its previous session expires: 9 s by
        # default. Twelve missed heartbeats suffice; with six, a live node on a busy machine was
        # declared dead.
        "broker.session.timeout.ms": "6000",
        "broker.heartbeat.interval.ms": "500",
        # The default of 3 s waits for many consumers to join; here they join one at a time.
        "group.initial.rebalance.delay.ms": "0",
        # With group.protocol=consumer the broker decides when a member is dead and how often it
        # sends heartbeats: as our clients do with the classic protocol (kafkaio.clients). The
        # defaults, 45 s and 5 s, are also the least that a broker allows.
        "group.consumer.session.timeout.ms": "6000",
        "group.consumer.min.session.timeout.ms": "6000",
        "group.consumer.heartbeat.interval.ms": "1500",
        "group.consumer.min.heartbeat.interval.ms": "1500",
        **extra,
    }


def cluster_properties(node: int, ports: Sequence[Ports]) -> dict[str, str]:
    """Return the properties in which a node of a cluster differs from a single one.

    Records are acknowledged when two of the replicas have them, so no acknowledged record is lost
    with one node.

    Args:
        node: its id, counted from 1.
        ports: of all nodes, in the order of their ids.
    """
    own = ports[node - 1]
    voters = (f"{number}@127.0.0.1:{each.controller}" for number, each in enumerate(ports, 1))
    replicas = str(min(3, len(ports)))
    return {
        "node.id": str(node),
        "controller.quorum.voters": ",".join(voters),
        "listeners": f"PLAINTEXT://127.0.0.1:{own.client},CONTROLLER://127.0.0.1:{own.controller}",
        "default.replication.factor": replicas,
        # Of the group offsets' topic, too; the log of transactions has a property of its own.
        "min.insync.replicas": "2",
        "offsets.topic.replication.factor": replicas,
        "transaction.state.log.replication.factor": replicas,
        "transaction.state.log.min.isr": "2",
        # On a busy machine the controllers lose their leader for nothing after the default of 2 s.
        "controller.quorum.fetch.timeout.ms": "4000",
        "controller.quorum.request.timeout.ms": "4000",
        # The default, 128 MB, is most of a small heap.
        "log.cleaner.dedupe.buffer.size": str(4 * 1024 * 1024),
    }


def write_properties(path: Path, properties: dict[str, str]) -> None:
    """Write a Java properties file, with backslashes escaped."""
    lines = (f"{name}={value}\n".replace("\\", "\\\\") for name, value in properties.items())
    path.write_text("".join(lines), encoding="utf-8")
