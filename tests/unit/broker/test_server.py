"""The embedded broker hands what it is told to its node, and keeps its data between two starts."""

from pathlib import Path
from typing import Any

import pytest

from broker import server
from broker.errors import StartError
from broker.node import Node
from broker.server import EmbeddedBroker


class StandIn:
    """A node that only notes what is asked of it."""

    def __init__(self, folder: Path, _class_path: object, **arguments: Any) -> None:
        self.folder = folder
        self.properties = arguments["properties"]
        self.address = ""
        self.asked: list[object] = []

    def start(self, port: int | None = None) -> None:
        self.address = f"127.0.0.1:{port or 4711}"
        self.asked.append(("start", port))

    def stop(self) -> None:
        self.asked.append("stop")

    def kill(self) -> None:
        self.asked.append("kill")


@pytest.fixture
def nodes(monkeypatch: pytest.MonkeyPatch) -> list[StandIn]:
    """The nodes that were made."""
    made: list[StandIn] = []

    def make(*arguments: Any, **named: Any) -> StandIn:
        made.append(StandIn(*arguments, **named))
        return made[-1]

    monkeypatch.setattr(server, "Node", make)
    monkeypatch.setattr(server, "quick_options", lambda *_, **__: ())
    monkeypatch.setattr(server.jars, "resolve", lambda *_, **__: ())
    return made


def test_further_properties_reach_the_node(nodes: list[StandIn], tmp_path: Path) -> None:
    properties = {"transaction.max.timeout.ms": "20000"}
    with EmbeddedBroker(cache=tmp_path, properties=properties):
        assert nodes[0].properties == properties


@pytest.mark.parametrize(("end", "asked"), [("shut_down", "stop"), ("kill", "kill")])
def test_the_data_outlive_an_end_and_the_address_stays(
    end: str, asked: str, nodes: list[StandIn], tmp_path: Path
) -> None:
    with EmbeddedBroker(cache=tmp_path) as broker:
        [node] = nodes
        getattr(broker, end)()
        assert node.folder.exists()
        broker.restart()
        assert broker.address == "127.0.0.1:4711"
        assert node.asked == [("start", None), asked, ("start", 4711)]
    assert node.asked[-1] == "stop"
    assert not node.folder.exists()


def test_a_broker_that_was_not_started_cannot_be_shut_down(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="not started"):
        EmbeddedBroker(cache=tmp_path).shut_down()


def test_the_nodes_file_has_the_further_properties(tmp_path: Path) -> None:
    node = Node(tmp_path, (), properties={"node.rack": "r1"})
    node._write_properties(9092)
    assert "node.rack=r1\n" in (tmp_path / "server.properties").read_text()
