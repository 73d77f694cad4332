"""The class path of Apache Kafka: jars from the Maven repository, each checked against a lock.

The lock (`jars.lock`) lists every jar with its sha256, so nothing is resolved at run time: what
is missing in the cache is fetched by its coordinate, and what is there needs no network.
"""

import errno
import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Lock
from typing import Any

from broker.errors import NOT_INSTALLED, JarsError

# The newest that keeps every commit: 4.3.0 to 4.4.0, killed right after one, may come back without
# its markers, and what was committed is never readable (KAFKA-20734; docs/delivery.md).
KAFKA_VERSION = "4.2.1"
SLF4J_VERSION = "1.7.36"  # the slf4j-api that Kafka 4.2.1 depends on

ROOTS = (f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}", f"org.slf4j:slf4j-simple:{SLF4J_VERSION}")
"""What the lock is resolved from; the second is where Kafka's log goes."""

_ATTEMPTS = 2  # a download that broke once usually works again at once
_CONNECTIONS = 6  # jars are small (1 MB on average), so most of the time is waiting for answers


@dataclass(frozen=True, slots=True)
class Jar:
    """A jar of the lock.

    Attributes:
        coordinate: "group:artifact:version".
        size: in bytes.
        sha256: of its content, in hexadecimal.
    """

    coordinate: str
    size: int
    sha256: str

    @property
    def name(self) -> str:
        """Its file's name."""
        _, artifact, version = self.coordinate.split(":")
        return f"{artifact}-{version}.jar"


def locked() -> tuple[Jar, ...]:
    """Read the lock.

    Raises:
        JarsError: if it is not complete.
    """
    return parse_lock(files("broker").joinpath("jars.lock").read_text(encoding="utf-8"))


def parse_lock(text: str) -> tuple[Jar, ...]:
    """Read a lock: lines of coordinate, size and sha256, then one "N jars, B bytes".

    Raises:
        JarsError: if a line is missing or more than there should be.
    """
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    rows = [line.split() for line in lines[:-1]]
    jars = tuple(Jar(coordinate, int(size), sha256) for coordinate, size, sha256 in rows)
    if not lines or lines[-1] != closing_line(jars) or not set(ROOTS) <= {*map(_coordinate, jars)}:
        raise JarsError(
            "The list of Kafka's jars (broker/jars.lock) is not complete; "
            "install fraudstream again, or make the list anew with 'python -m broker.lock'."
        )
    return jars


def closing_line(jars: tuple[Jar, ...]) -> str:
    """Return the lock's last line, by which a lock that lost lines is noticed."""
    return f"{len(jars)} jars, {sum(jar.size for jar in jars)} bytes"


def bytes_to_fetch(cache: Path) -> int:
    """Return how much `resolve` is to download, for a progress bar; quick, so by sizes alone."""
    return sum(jar.size for jar in locked() if not _has_size(cache / jar.name, jar.size))


def resolve(
    cache: Path,
    *,
    jars: Sequence[Jar] | None = None,
    progress: Callable[[int], None] = lambda _bytes: None,
) -> tuple[Path, ...]:
    """Return the jars that make up Kafka's class path, fetched if need be.

    With every jar in the cache this only reads them (44 MB) to check them. A jar there that is
    not the lock's is fetched again.

    Args:
        cache: folder for the jars, made if need be.
        jars: others than the lock's.
        progress: called with each number of bytes that were downloaded.

    Raises:
        JarsError: if a jar cannot be fetched or kept, or is not the lock's.
    """
    jars = locked() if jars is None else jars
    missing = [jar for jar in jars if not _is(cache / jar.name, jar)]
    if missing:
        try:
            cache.mkdir(parents=True, exist_ok=True)
            _fetch_all(missing, cache, progress)
        except OSError as error:
            raise JarsError(
                f"Cannot keep Kafka's jars in {cache}: {error.strerror or error}."
            ) from error
        except ImportError as error:
            raise JarsError(NOT_INSTALLED) from error
    return tuple(cache / jar.name for jar in jars)


def _fetch_all(missing: list[Jar], cache: Path, progress: Callable[[int], None]) -> None:
    one_at_a_time = Lock()
    given_up = Event()

    def advance(received: int) -> None:
        if given_up.is_set():
            raise CancelledError
        with one_at_a_time:
            progress(received)

    with (
        TemporaryDirectory(prefix=".fetching-", dir=cache) as staging,
        ThreadPoolExecutor(_CONNECTIONS, thread_name_prefix="jars") as threads,
    ):
        futures = {threads.submit(_fetch, jar, Path(staging), advance): jar for jar in missing}
        try:
            for future in as_completed(futures):
                future.result().replace(cache / futures[future].name)
        except BaseException:  # Ctrl-C, or a failure that makes the rest useless
            given_up.set()
            threads.shutdown(wait=False, cancel_futures=True)
            raise


def _fetch(jar: Jar, staging: Path, progress: Callable[[int], None]) -> Path:
    """Download a jar and return its path in the staging folder, its content checked."""
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            path = _download(jar, staging / f"{jar.name}.{attempt}", progress)
        except (OSError, RuntimeError) as error:
            # requests' errors are OSErrors without a number; those of the disk have one.
            if getattr(error, "errno", None) in {errno.ENOSPC, errno.EDQUOT, errno.EACCES}:
                raise
            failure = f"Kafka's jar {jar.name} cannot be fetched ({_shortly(error)})"
        else:
            if _is(path, jar):
                return path
            failure = f"What was fetched as Kafka's jar {jar.name} is not the jar of the lock"
    raise JarsError(
        f"{failure}. Try again with a network, or name a Kafka that is already there "
        f"with --broker HOST:PORT."
    )


def _download(jar: Jar, repository: Path, progress: Callable[[int], None]) -> Path:
    """Download a jar into a Maven repository of its own; the user's own stays as it is."""
    from jgo.config import GlobalSettings
    from jgo.constants import MAVEN_CENTRAL_URL
    from jgo.maven import MavenContext, PythonResolver

    # Mirrors that the user has set up for jgo go first; one named "central" takes its place.
    remotes = dict(GlobalSettings.load().repositories)
    remotes.setdefault("central", MAVEN_CENTRAL_URL)
    resolver = PythonResolver(progress_callback=partial(_reporting, progress))
    context = MavenContext(resolver, repo_cache=repository, remote_repos=remotes)
    group, artifact, version = jar.coordinate.split(":")
    path: Path = context.project(group, artifact).at_version(version).artifact().resolve()
    with path.open("rb") as file:
        os.fsync(file.fileno())
    return path


@contextmanager
def _reporting(
    progress: Callable[[int], None], _name: str, _size: int
) -> Iterator[Callable[[int], None]]:
    """Give jgo's download the function that it calls with each chunk's size."""
    yield progress


def _is(path: Path, jar: Jar) -> bool:
    if not _has_size(path, jar.size):
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == jar.sha256


def _has_size(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size


def _coordinate(jar: Jar) -> str:
    return jar.coordinate


def _shortly(error: Any) -> str:
    """Name what went wrong without the addresses and object names of requests' messages."""
    return type(error).__name__ if isinstance(error, OSError) else str(error).split(" {")[0]
