"""The proxy: what it is told to do to connections happens to them."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from broker.ports import free_ports
from tests.chaos.proxy import FAIR, Proxy, Weather

PATIENCE = 30.0


@pytest.fixture
def echo() -> Iterator[int]:
    """A server that says what it hears; its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

        def answer(connection: socket.socket) -> None:
            with connection:
                try:
                    while heard := connection.recv(1 << 16):
                        connection.sendall(heard)
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
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=PATIENCE)


def say(connection: socket.socket, what: bytes) -> bytes:
    connection.sendall(what)
    return hear(connection, len(what))


def hear(connection: socket.socket, count: int) -> bytes:
    heard = b""
    while len(heard) < count:
        more = connection.recv(count - len(heard))
        assert more
        heard += more
    return heard


def test_in_fair_weather_all_is_passed_on(proxy: Proxy) -> None:
    with connect(proxy) as one, connect(proxy) as other:
        assert say(one, b"one") == b"one"
        big = bytes(range(256)) * 4000
        assert say(other, big) == big
    assert proxy.cuts == 0


def test_a_cut_resets_what_is_open_and_nothing_else(proxy: Proxy) -> None:
    with connect(proxy) as connection:
        say(connection, b"x")
        proxy.cut()
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
    assert proxy.cuts > 0
    with connect(proxy) as again:
        assert say(again, b"y") == b"y"


def test_refusing_resets_new_connections_too(proxy: Proxy) -> None:
    with connect(proxy) as connection:
        say(connection, b"x")
        proxy.become(Weather(accepting=False))
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
    with pytest.raises(ConnectionResetError), connect(proxy) as refused:
        refused.recv(1)
    proxy.become(FAIR)
    with connect(proxy) as again:
        assert say(again, b"y") == b"y"


def test_stalled_connections_stay_open_and_go_on_later(proxy: Proxy) -> None:
    with connect(proxy) as connection:
        say(connection, b"x")
        proxy.become(Weather(flowing=False))
        connection.sendall(b"held")
        connection.settimeout(0.2)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        connection.settimeout(PATIENCE)
        proxy.become(FAIR)
        assert hear(connection, 4) == b"held"


@pytest.mark.parametrize(
    "weather", [Weather(latency=0.1), Weather(bytes_per_second=10)], ids=["latency", "bandwidth"]
)
def test_slow_is_slow_in_both_directions(proxy: Proxy, weather: Weather) -> None:
    with connect(proxy) as connection:
        proxy.become(weather)
        started = time.monotonic()
        assert say(connection, b"x") == b"x"
        assert time.monotonic() - started >= 0.2


def test_where_nobody_listens_a_connection_is_reset() -> None:
    port, nobody = free_ports(2)
    with (
        Proxy(port, nobody) as proxy,
        pytest.raises(ConnectionResetError),
        connect(proxy) as connection,
    ):
        connection.recv(1)
