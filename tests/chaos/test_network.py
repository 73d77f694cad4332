"""The network cuts off exactly one broker, in both directions."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, cast

import pytest

from broker.ports import free_ports
from tests.chaos.network import Link, Network
from tests.chaos.proxy import NetworkConditions

if TYPE_CHECKING:
    from broker.server import EmbeddedBroker

TIMEOUT_SECONDS = 30.0


class Here:
    """In place of a broker that runs in this process, and so opens all connections of a test."""

    pid = os.getpid()


class Away:
    """In place of a broker that does not run."""

    pid = None


HERE, AWAY = (cast("EmbeddedBroker", broker) for broker in (Here(), Away()))


@pytest.fixture
def server() -> Iterator[int]:
    """The port of a server that greets each client."""
    with socket.create_server(("127.0.0.1", 0)) as server, ExitStack() as connections:

        def greet() -> None:
            while True:
                try:
                    connection = connections.enter_context(server.accept()[0])
                except OSError:
                    return
                connection.sendall(b"hello")

        thread = threading.Thread(target=greet)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.fixture
def ports() -> list[int]:
    """The ports of the proxies: for clients of both brokers, then for their peers."""
    return free_ports(4)


@pytest.fixture
def network(server: int, ports: list[int]) -> Iterator[Network]:
    clients, peers = ([Link(port, server) for port in part] for part in (ports[:2], ports[2:]))
    with Network([HERE, AWAY], clients, [[peer] for peer in peers]) as network:
        yield network


def reached(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_SECONDS) as connection:
            return connection.recv(5) == b"hello"
    except ConnectionResetError:
        return False


def test_a_broker_is_cut_off_from_the_others_in_both_directions(
    network: Network, ports: list[int]
) -> None:
    assert [reached(port) for port in ports] == [True, True, True, True]
    network.isolate(HERE)  # reaches itself, but not the other
    assert [reached(port) for port in ports] == [True, True, True, False]
    network.isolate(AWAY)  # is not reached
    assert [reached(port) for port in ports] == [True, True, True, False]
    network.heal()
    assert [reached(port) for port in ports] == [True, True, True, True]


def test_the_detectors_are_cut_off_from_one_broker(network: Network, ports: list[int]) -> None:
    network.apply(NetworkConditions(accepting=False), only=AWAY)
    assert [reached(port) for port in ports] == [True, False, True, True]
    network.heal()
    assert [reached(port) for port in ports] == [True, True, True, True]
