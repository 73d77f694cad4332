"""A login server that issues OAuth tokens on loopback, and fails on request."""

import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs


class LoginServer(ThreadingHTTPServer):
    """Issues a token to any client; its user is the client's id.

    Args:
        lifetime: of a token, in seconds; clients fetch the next one earlier.

    Attributes:
        failing: whether to answer as a load balancer does that reaches no server.
        issued: number of tokens.
        failed: number of requests that failed.
    """

    def __init__(self, lifetime: float) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.lifetime = lifetime
        self.failing = False
        self.issued = 0
        self.failed = 0

    @property
    def url(self) -> str:
        """Where clients fetch their tokens."""
        return f"http://127.0.0.1:{self.server_port}/token"

    def properties(self, user: str) -> dict[str, str]:
        """Return the properties of a user's client."""
        return {
            "sasl.mechanism": "OAUTHBEARER",
            "sasl.oauthbearer.method": "oidc",
            "sasl.oauthbearer.client.id": user,
            "sasl.oauthbearer.client.secret": "any",
            "sasl.oauthbearer.token.endpoint.url": self.url,
        }


@contextmanager
def login_server(*, lifetime: float) -> Iterator[LoginServer]:
    """Run a login server."""
    with LoginServer(lifetime) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: LoginServer

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"] or 0)).decode())
        if self.server.failing:
            self.server.failed += 1
            self._answer(503, b"no healthy upstream", "text/plain")
            return
        self.server.issued += 1
        token = _token(_user(self.headers["Authorization"], form), self.server.lifetime)
        answer = {"access_token": token, "token_type": "Bearer"}
        self._answer(200, json.dumps(answer).encode(), "application/json")

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - its name there
        pass

    def _answer(self, status: int, content: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def _user(authorization: str | None, form: dict[str, list[str]]) -> str:
    """Return the client's id, from the header or from the form."""
    if authorization is None:
        return form["client_id"][0]
    return base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")[0]


def _token(user: str, lifetime: float) -> str:
    """Return an unsecured JSON web token (RFC 7519, section 6)."""
    now = time.time()
    claims = {"sub": user, "iat": now, "exp": now + lifetime}
    return f"{_part({'alg': 'none'})}.{_part(claims)}."


def _part(content: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")
