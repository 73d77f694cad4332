"""The proxy applies network conditions to its connections."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from broker.ports import free_ports
from tests.chaos.proxy import NORMAL, NetworkConditions, Proxy

TIMEOUT_SECONDS = 30.0


@pytest.fixture
def echo() -> Iterator[int]:
    """The port of an echo server."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=respond, args=(connection,), daemon=True).start()

        def respond(connection: socket.socket) -> None:
            with connection:
                try:
                    while chunk := connection.recv(1 << 16):
                        connection.sendall(chunk)
                except OSError:
                    pass

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def proxy(echo: int) -> Iterator[Proxy]:
    [port] = free_ports(1)
    with Proxy(port, echo) as proxy:
        yield proxy


def connect(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=TIMEOUT_SECONDS)


def exchange(connection: socket.socket, content: bytes) -> bytes:
    connection.sendall(content)
    return receive(connection, len(content))


def receive(connection: socket.socket, count: int) -> bytes:
    received = b""
    while len(received) < count:
        chunk = connection.recv(count - len(received))
        assert chunk
        received += chunk
    return received


def test_normal_conditions_forward_everything(proxy: Proxy) -> None:
    with connect(proxy) as one, connect(proxy) as other:
        assert exchange(one, b"one") == b"one"
        big = bytes(range(256)) * 4000
        assert exchange(other, big) == big
    assert proxy.cuts == 0


def test_a_cut_resets_open_connections_and_accepts_new_ones(proxy: Proxy) -> None:
    with connect(proxy) as connection:
        exchange(connection, b"x")
        proxy.cut()
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
    assert proxy.cuts > 0
    with connect(proxy) as again:
        assert exchange(again, b"y") == b"y"


def test_not_accepting_resets_open_and_new_connections(proxy: Proxy) -> None:
    with connect(proxy) as connection:
        exchange(connection, b"x")
        proxy.apply(NetworkConditions(accepting=False))
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
    with pytest.raises(ConnectionResetError), connect(proxy) as rejected:
        rejected.recv(1)
    proxy.apply(NORMAL)
    with connect(proxy) as again:
        assert exchange(again, b"y") == b"y"


def test_stalled_connections_stay_open_and_resume(proxy: Proxy) -> None:
    with connect(proxy) as connection:
        exchange(connection, b"x")
        proxy.apply(NetworkConditions(flowing=False))
        connection.sendall(b"held")
        connection.settimeout(0.2)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        connection.settimeout(TIMEOUT_SECONDS)
        proxy.apply(NORMAL)
        assert receive(connection, 4) == b"held"


@pytest.mark.parametrize(
    "conditions",
    [NetworkConditions(latency=0.1), NetworkConditions(bytes_per_second=10)],
    ids=["latency", "bandwidth"],
)
def test_latency_and_bandwidth_apply_in_both_directions(
    proxy: Proxy, conditions: NetworkConditions
) -> None:
    with connect(proxy) as connection:
        proxy.apply(conditions)
        started = time.monotonic()
        assert exchange(connection, b"x") == b"x"
        assert time.monotonic() - started >= 0.2


def test_a_connection_is_reset_if_the_target_is_down() -> None:
    port, unused = free_ports(2)
    with (
        Proxy(port, unused) as proxy,
        pytest.raises(ConnectionResetError),
        connect(proxy) as connection,
    ):
        connection.recv(1)
