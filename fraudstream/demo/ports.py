"""Ports for the services of a demo, which they bind seconds after they were chosen."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from broker.errors import StartError
from broker.ports import ATTEMPTS, is_free
from fraudstream.cache import cache_folder


@contextmanager
def reserved_port(preferred: int) -> Iterator[int]:
    """Yield the preferred port, or the next one that is neither taken nor reserved.

    No other demo chooses it while the block runs: a lock on a file reserves it, because a port that
    is bound here could not be bound by the service.

    Raises:
        StartError: a hundred in a row are taken.
        CacheError: the folder of the lock files cannot be created.
    """
    folder = cache_folder("ports")
    for port in range(preferred, preferred + ATTEMPTS):
        with (folder / str(port)).open("wb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            if is_free(port):
                yield port
                return
    last = preferred + ATTEMPTS - 1
    raise StartError(f"Ports {preferred} to {last} of 127.0.0.1 are all taken.")
