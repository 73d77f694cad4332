"""The node's properties: this machine alone, one copy of everything, nothing by accident."""

from pathlib import Path

from broker.properties import server_properties, write_properties

PROPERTIES = server_properties(Path("/data"), port=9092, controller_port=9093)


def test_only_this_machine_can_connect() -> None:
    assert PROPERTIES["listeners"] == "PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093"
    assert PROPERTIES["advertised.listeners"] == "PLAINTEXT://127.0.0.1:9092"


def test_one_node_suffices_for_kafkas_own_topics() -> None:
    copies = {
        name: value
        for name, value in PROPERTIES.items()
        if name.endswith(("replication.factor", "min.isr"))
    }
    assert len(copies) == 5
    assert set(copies.values()) == {"1"}


def test_topics_are_never_created_by_accident() -> None:
    assert PROPERTIES["auto.create.topics.enable"] == "false"


def test_further_properties_win_over_ours() -> None:
    further = {"broker.session.timeout.ms": "9000", "transaction.max.timeout.ms": "20000"}
    properties = server_properties(Path("/data"), port=9092, controller_port=9093, further=further)
    assert properties == PROPERTIES | further


def test_backslashes_survive_the_files_format(tmp_path: Path) -> None:
    write_properties(tmp_path / "p", {"log.dirs": "a\\b"})
    assert (tmp_path / "p").read_text() == "log.dirs=a\\\\b\n"
