"""Ports for the services of a demo, which they bind seconds after they were chosen."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from broker.errors import StartError
from broker.ports import ATTEMPTS, is_free


@contextmanager
def reserved_port(preferred: int) -> Iterator[int]:
    """Yield the preferred TCP port, or the next one that is neither taken nor reserved.

    No other demo on this machine chooses it while the block runs. The UDP port of the same number
    reserves it: nothing here uses UDP, while a TCP port that is bound here could not be bound by
    the service.

    Raises:
        StartError: a hundred in a row are taken.
    """
    for port in range(preferred, preferred + ATTEMPTS):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as reservation:
            try:
                reservation.bind(("127.0.0.1", port))
            except OSError:
                continue
            if is_free(port):
                yield port
                return
    last = preferred + ATTEMPTS - 1
    raise StartError(f"Ports {preferred} to {last} of 127.0.0.1 are all taken.")
