"""The node's properties: loopback only, one replica, no automatic topic creation."""

from pathlib import Path

from broker.properties import Ports, cluster_properties, server_properties, write_properties
from kafkaio.clients import member_settings
from kafkaio.settings import KafkaSettings

PROPERTIES = server_properties(Path("/data"), port=9092, controller_port=9093)


def test_listeners_are_on_the_loopback_interface_only() -> None:
    assert PROPERTIES["listeners"] == "PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093"
    assert PROPERTIES["advertised.listeners"] == "PLAINTEXT://127.0.0.1:9092"


def test_internal_topics_have_one_replica() -> None:
    replicas = {
        name: value
        for name, value in PROPERTIES.items()
        if name.endswith(("replication.factor", "min.isr"))
    }
    assert len(replicas) == 5
    assert set(replicas.values()) == {"1"}


def test_a_cluster_keeps_an_acknowledged_record_when_it_loses_a_node() -> None:
    ports = [Ports(9092 + node, 9192 + node) for node in range(3)]
    second = cluster_properties(2, ports)
    replicas = {value for name, value in second.items() if name.endswith("replication.factor")}
    assert replicas == {"3"}
    assert second["min.insync.replicas"] == second["transaction.state.log.min.isr"] == "2"
    assert (
        second["controller.quorum.voters"] == "1@127.0.0.1:9192,2@127.0.0.1:9193,3@127.0.0.1:9194"
    )
    assert second["listeners"] == "PLAINTEXT://127.0.0.1:9093,CONTROLLER://127.0.0.1:9193"


def test_topics_are_not_created_automatically() -> None:
    assert PROPERTIES["auto.create.topics.enable"] == "false"


def test_a_dead_member_is_noticed_as_soon_with_either_group_protocol() -> None:
    member = member_settings(
        KafkaSettings(), "group", on_error=lambda _: None, on_statistics=lambda _: None
    )
    for name in ("session.timeout.ms", "heartbeat.interval.ms"):
        assert PROPERTIES[f"group.consumer.{name}"] == str(member[name])
        assert PROPERTIES[f"group.consumer.min.{name}"] == str(member[name])


def test_extra_properties_override_ours() -> None:
    extra = {"broker.session.timeout.ms": "9000", "transaction.max.timeout.ms": "20000"}
    properties = server_properties(Path("/data"), port=9092, controller_port=9093, extra=extra)
    assert properties == PROPERTIES | extra


def test_backslashes_are_escaped(tmp_path: Path) -> None:
    write_properties(tmp_path / "p", {"log.dirs": "a\\b"})
    assert (tmp_path / "p").read_text() == "log.dirs=a\\\\b\n"
