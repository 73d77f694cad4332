"""Metrics and health over HTTP."""

import http.client
import socket
import threading
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry, Counter

import consumer.telemetry.server
from consumer.errors import AddressError, AddressInUseError
from consumer.telemetry.server import MetricsServer


class Checks:
    """What the server is told of the process."""

    def __init__(self) -> None:
        self.ill: str | None = None
        self.unready: str | None = None


@pytest.fixture
def checks() -> Checks:
    return Checks()


@pytest.fixture
def server(checks: Checks) -> Iterator[MetricsServer]:
    registry = CollectorRegistry()
    Counter("seen", "What was seen.", registry=registry).inc(3)
    with MetricsServer(
        "127.0.0.1", 0, registry, healthy=lambda: checks.ill, ready=lambda: checks.unready
    ) as running:
        yield running


def ask(
    server: MetricsServer, path: str, method: str = "GET", **headers: str
) -> tuple[int, str, http.client.HTTPResponse]:
    connection = http.client.HTTPConnection(server.address, timeout=10)
    try:
        connection.request(method, path, headers=headers)
        response = connection.getresponse()
        return response.status, response.read().decode(), response
    finally:
        connection.close()


def test_metrics_are_shown_in_prometheus_own_format(server: MetricsServer) -> None:
    status, body, response = ask(server, "/metrics")
    assert status == 200
    assert "seen_total 3.0" in body
    assert response.headers["Content-Type"].startswith("text/plain; version=")


def test_a_scraper_that_prefers_openmetrics_gets_it(server: MetricsServer) -> None:
    _, body, response = ask(
        server, "/metrics", Accept="application/openmetrics-text; version=1.0.0"
    )
    assert response.headers["Content-Type"].startswith("application/openmetrics-text")
    assert body.endswith("# EOF\n")


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_all_well_is_200(server: MetricsServer, path: str) -> None:
    assert ask(server, path)[:2] == (200, "ok\n")


def test_the_two_checks_complain_separately(server: MetricsServer, checks: Checks) -> None:
    checks.unready = "no partitions yet"
    assert ask(server, "/readyz")[:2] == (503, "no partitions yet\n")
    assert ask(server, "/healthz")[0] == 200
    checks.unready, checks.ill = None, "the loop hangs"
    assert ask(server, "/healthz")[:2] == (503, "the loop hangs\n")
    assert ask(server, "/readyz")[0] == 200


def test_a_query_belongs_to_no_path(server: MetricsServer) -> None:
    assert ask(server, "/healthz?verbose=1")[0] == 200


def test_any_other_path_is_404(server: MetricsServer) -> None:
    status, body, _ = ask(server, "/")
    assert status == 404
    assert "/metrics" in body


@pytest.mark.parametrize("path", ["/metrics", "/healthz", "/nowhere"])
def test_head_is_get_without_the_body(server: MetricsServer, path: str) -> None:
    status, body, _ = ask(server, path)
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        # By hand, since http.client would not read a body even if one came.
        client.sendall(f"HEAD {path} HTTP/1.0\r\n\r\n".encode())
        answer = client.makefile().read()
    assert answer.startswith(f"HTTP/1.0 {status}")
    assert f"Content-Length: {len(body)}\n" in answer
    assert answer.endswith("\n\n")


def test_nothing_is_logged_and_no_versions_are_told(
    server: MetricsServer, capfd: pytest.CaptureFixture[str]
) -> None:
    _, _, response = ask(server, "/metrics")
    assert response.headers["Server"] == "fraudstream"
    assert capfd.readouterr() == ("", "")


def test_a_client_that_goes_away_in_the_middle_is_no_news(
    server: MetricsServer, checks: Checks, capfd: pytest.CaptureFixture[str]
) -> None:
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", server.port)) as client:
            client.setsockopt(  # close with a reset
                socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00"
            )
            client.sendall(b"GET /metrics HTTP/1.0\r\n")
    assert ask(server, "/healthz")[0] == 200
    assert capfd.readouterr().err == ""


def test_a_slow_client_does_not_delay_others(
    server: MetricsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer.telemetry.server._Handler, "timeout", 60.0)
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(b"GET /met")
        assert ask(server, "/healthz")[0] == 200


def test_a_taken_port_is_one_sentence() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(
            AddressInUseError, match=rf"^Port {port} of 127.0.0.1 is taken"
        ) as caught:
            MetricsServer(
                "127.0.0.1", port, CollectorRegistry(), healthy=lambda: None, ready=lambda: None
            )
    assert caught.value.exit_code == 2


def test_an_address_of_another_machine_is_one_sentence() -> None:
    with pytest.raises(AddressError, match=r"192\.0\.2\.1:0"):
        MetricsServer(  # 192.0.2.0/24 is set aside for documentation: no interface has it
            "192.0.2.1", 0, CollectorRegistry(), healthy=lambda: None, ready=lambda: None
        )


def test_a_server_on_all_interfaces_is_reached_as_localhost() -> None:
    with MetricsServer(
        "", 0, CollectorRegistry(), healthy=lambda: None, ready=lambda: None
    ) as server:
        assert server.address == f"localhost:{server.port}"
        assert ask(server, "/healthz")[0] == 200


def test_the_port_and_the_thread_are_released() -> None:
    registry = CollectorRegistry()
    with MetricsServer(
        "127.0.0.1", 0, registry, healthy=lambda: None, ready=lambda: None
    ) as server:
        port = server.port
    with MetricsServer("127.0.0.1", port, registry, healthy=lambda: None, ready=lambda: None):
        pass
    assert not [thread for thread in threading.enumerate() if thread.name == "metrics"]
