"""Finds ports of the loopback interface that nobody listens on."""

import random
import socket

from broker.errors import StartError

# Below the range from which the system takes ports for outgoing connections: a client that connects
# before its server listens could be given the server's port, and would then talk to itself.
PORTS = range(20_000, 32_000)
ATTEMPTS = 100


def free_port(preferred: int | None = None) -> int:
    """Return the preferred port if it is free, or the next one that is; any by default.

    Raises:
        StartError: if a hundred in a row are taken.
    """
    first = random.choice(PORTS) if preferred is None else preferred
    for port in range(first, first + ATTEMPTS):
        if is_free(port):
            return port
    raise StartError(f"Ports {first} to {first + ATTEMPTS - 1} of 127.0.0.1 are all taken.")


def free_ports(count: int) -> list[int]:
    """Return so many different free ports."""
    found: set[int] = set()
    while len(found) < count:
        found.add(free_port())
    return list(found)


def is_free(port: int) -> bool:
    """Return whether a server could listen on the port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as Kafka does
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
