"""Metrics and health over HTTP: /metrics, /healthz, /readyz, from a thread of its own."""

import errno
import socket
import sys
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from consumer.errors import AddressError, AddressInUseError

Check = Callable[[], str | None]
"""Returns None when all is well, or one line with the problem; called from other threads."""

_TEXT = "text/plain; charset=utf-8"

# How long a client that sends nothing may hold its thread.
_CLIENT_SECONDS = 10.0
# How often the serving thread checks for a stop, hence how long a stop takes.
_STOP_SECONDS = 0.1


class MetricsServer:
    """The HTTP server, for the duration of a `with` statement.

    Args:
        host: name or address of the interface; "" or "0.0.0.0" binds all of them.
        port: TCP port; 0 picks a free one.
        registry: exported at /metrics.
        healthy: the check behind /healthz: None, or why the process should be restarted.
        ready: the check behind /readyz: None, or why the process does no work now.

    Raises:
        AddressInUseError: if the port is taken.
        AddressError: if the address cannot be bound for another reason.
    """

    def __init__(
        self,
        host: str,
        port: int,
        registry: CollectorRegistry,
        *,
        healthy: Check,
        ready: Check,
    ) -> None:
        self._server = _bind(host, port)
        self._server.registry = registry
        self._server.checks = {"/healthz": healthy, "/readyz": ready}
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_STOP_SECONDS,), name="metrics", daemon=True
        )

    @property
    def port(self) -> int:
        """The bound port, even if a free one was picked."""
        return int(self._server.server_address[1])

    @property
    def address(self) -> str:
        """The address for clients on this machine, as "HOST:PORT"."""
        host = str(self._server.server_address[0])
        if host in {"0.0.0.0", "::"}:  # noqa: S104 - recognised here, not bound
            host = "localhost"
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingMixIn, TCPServer):
    """A thread for each request; none of them keeps the process alive.

    Not `http.server.HTTPServer`, which looks up its own name in the DNS when it binds.
    """

    daemon_threads = True
    allow_reuse_address = True  # a restarted service need not wait for old connections to time out
    allow_reuse_port = False  # two services must not share a port by accident

    registry: CollectorRegistry
    checks: dict[str, Check]

    def __init__(self, family: int, address: tuple[Any, ...]) -> None:
        self.address_family = family
        super().__init__(address, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that disconnect in the middle of a response."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """Answers one GET or HEAD."""

    server: _Server
    timeout = _CLIENT_SECONDS

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path == "/metrics":
            encode, kind = choose_encoder(self.headers.get("Accept", ""))
            self._answer(HTTPStatus.OK, encode(self.server.registry), kind)
        elif path in self.server.checks:
            problem = self.server.checks[path]()
            status = HTTPStatus.OK if problem is None else HTTPStatus.SERVICE_UNAVAILABLE
            self._answer(status, f"{problem or 'ok'}\n".encode())
        else:
            self._answer(HTTPStatus.NOT_FOUND, b"Try /metrics, /healthz or /readyz.\n")

    do_HEAD = do_GET  # noqa: N815 - the name that BaseHTTPRequestHandler calls

    def _answer(self, status: HTTPStatus, body: bytes, kind: str = _TEXT) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def version_string(self) -> str:
        """Return no version numbers: they would only help an attacker."""
        return "fraudstream"

    def log_message(self, *_: Any) -> None:
        """Log nothing: there is a scrape every few seconds."""


def _bind(host: str, port: int) -> _Server:
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return _Server(family, address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise AddressInUseError(
                f"Port {port} of {host or 'this machine'} is taken, so metrics cannot be served "
                "there."
            ) from error
        raise AddressError(
            f"Metrics cannot be served at {host}:{port}: {error.strerror or error}."
        ) from error
