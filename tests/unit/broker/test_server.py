"""The embedded broker configures its node, and keeps its data between two starts."""

from pathlib import Path
from typing import Any

import pytest

from broker import jars, server
from broker.errors import StartError
from broker.node import Node
from broker.server import EmbeddedBroker


class FakeNode:
    """A node that only records the calls to it."""

    def __init__(self, folder: Path, _class_path: object, **arguments: Any) -> None:
        self.folder = folder
        self.properties = arguments["properties"]
        self.address = ""
        self.calls: list[object] = []

    def start(self, port: int | None = None) -> None:
        self.address = f"127.0.0.1:{port or 4711}"
        self.calls.append(("start", port))

    def stop(self) -> None:
        self.calls.append("stop")

    def kill(self) -> None:
        self.calls.append("kill")


@pytest.fixture
def nodes(monkeypatch: pytest.MonkeyPatch) -> list[FakeNode]:
    """The nodes created so far."""
    created: list[FakeNode] = []

    def create(*arguments: Any, **options: Any) -> FakeNode:
        created.append(FakeNode(*arguments, **options))
        return created[-1]

    monkeypatch.setattr(server, "Node", create)
    monkeypatch.setattr(server, "quick_options", lambda *_, **__: ())
    monkeypatch.setattr(jars, "resolve", lambda *_, **__: ())
    return created


def test_extra_properties_reach_the_node(nodes: list[FakeNode], tmp_path: Path) -> None:
    properties = {"transaction.max.timeout.ms": "20000"}
    with EmbeddedBroker(cache=tmp_path, properties=properties):
        assert nodes[0].properties == properties


@pytest.mark.parametrize(("method", "call"), [("shut_down", "stop"), ("kill", "kill")])
def test_a_restart_keeps_data_and_address(
    method: str, call: str, nodes: list[FakeNode], tmp_path: Path
) -> None:
    with EmbeddedBroker(cache=tmp_path) as broker:
        [node] = nodes
        getattr(broker, method)()
        assert node.folder.exists()
        broker.restart()
        assert broker.address == "127.0.0.1:4711"
        assert node.calls == [("start", None), call, ("start", 4711)]
    assert node.calls[-1] == "stop"
    assert not node.folder.exists()


def test_a_broker_that_was_not_started_cannot_be_shut_down(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="not started"):
        EmbeddedBroker(cache=tmp_path).shut_down()


def test_extra_properties_are_in_the_nodes_file(tmp_path: Path) -> None:
    node = Node(tmp_path, (), properties={"node.rack": "r1"})
    node._write_properties(9092)
    assert "node.rack=r1\n" in (tmp_path / "server.properties").read_text()
