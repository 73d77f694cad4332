"""The `server.properties` of a single-node Kafka that serves this machine alone."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

NODE = 1
"""The node's id."""

NO_MORE: Mapping[str, str] = MappingProxyType({})
"""No properties beyond ours."""


def server_properties(
    folder: Path, *, port: int, controller_port: int, further: Mapping[str, str] = NO_MORE
) -> dict[str, str]:
    """Return the properties of one node that is broker and controller (KRaft).

    Args:
        folder: where Kafka keeps its records.
        port: for clients, on the loopback interface only.
        controller_port: for the node's talk with itself, likewise.
        further: properties beyond ours; where a name is in both, theirs count.
    """
    return {
        "process.roles": "broker,controller",
        "node.id": str(NODE),
        "controller.quorum.voters": f"{NODE}@127.0.0.1:{controller_port}",
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "controller.listener.names": "CONTROLLER",
        "log.dirs": str(folder),
        # A misspelt topic is an error, not a new topic.
        "auto.create.topics.enable": "false",
        # One node cannot hold three copies of Kafka's own topics, which is the default.
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        # 50 partitions each by default: files and seconds that a few consumers do not need.
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.num.partitions": "4",
        "share.coordinator.state.topic.num.partitions": "1",
        # After a crash the node waits until its former self counts as gone: 9 s by default. Twelve
        # heartbeats without an answer say as much; with six, a node on a busy machine was taken
        # for gone while it lived.
        "broker.session.timeout.ms": "6000",
        "broker.heartbeat.interval.ms": "500",
        # 3 s by default, so that many consumers may arrive; here one comes at a time.
        "group.initial.rebalance.delay.ms": "0",
        **further,
    }


def write_properties(path: Path, properties: dict[str, str]) -> None:
    """Write a Java properties file (backslashes doubled, as its format wants)."""
    lines = (f"{name}={value}\n".replace("\\", "\\\\") for name, value in properties.items())
    path.write_text("".join(lines), encoding="utf-8")
