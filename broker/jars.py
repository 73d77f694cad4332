"""The class path of Apache Kafka: jars from the Maven repository, each checked against a lock.

The lock (`jars.lock`) lists every jar with its sha256, so no dependency is resolved at run time:
jars missing from the cache are downloaded by coordinate; a complete cache needs no network.
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

from broker.errors import JarsError, JarsUnavailableError, NotInstalledError

# The newest version that keeps every commit: 4.3.0 to 4.4.0, killed right after a commit, may
# restart without its markers, so the committed records never become readable (KAFKA-20734;
# docs/delivery.md).
KAFKA_VERSION = "4.2.1"
SLF4J_VERSION = "1.7.36"  # the slf4j-api that Kafka 4.2.1 depends on

ROOTS = (f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}", f"org.slf4j:slf4j-simple:{SLF4J_VERSION}")
"""Root dependencies that the lock is resolved from; the second is Kafka's logging backend."""

_ATTEMPTS = 2  # a broken download usually succeeds when retried at once
_CONNECTIONS = 6  # jars are small (1 MB on average), so round trips dominate


@dataclass(frozen=True, slots=True)
class Jar:
    """An entry of the lock.

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
        """The file's name."""
        _, artifact, version = self.coordinate.split(":")
        return f"{artifact}-{version}.jar"


def locked() -> tuple[Jar, ...]:
    """Read the lock.

    Raises:
        JarsError: if the lock is incomplete.
    """
    return parse_lock(files("broker").joinpath("jars.lock").read_text(encoding="utf-8"))


def parse_lock(text: str) -> tuple[Jar, ...]:
    """Parse a lock: lines of coordinate, size and sha256, then one "N jars, B bytes".

    Raises:
        JarsError: if the last line does not match the others, or a root dependency is missing.
    """
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    rows = [line.split() for line in lines[:-1]]
    jars = tuple(Jar(coordinate, int(size), sha256) for coordinate, size, sha256 in rows)
    if not lines or lines[-1] != closing_line(jars) or not set(ROOTS) <= {*map(_coordinate, jars)}:
        raise JarsError(
            "The list of Kafka's jars (broker/jars.lock) is not complete; "
            "reinstall fraudstream, or regenerate the list with 'python -m broker.lock'."
        )
    return jars


def closing_line(jars: tuple[Jar, ...]) -> str:
    """Return the lock's last line, which reveals missing lines."""
    return f"{len(jars)} jars, {sum(jar.size for jar in jars)} bytes"


def bytes_to_fetch(cache: Path) -> int:
    """Return how many bytes `resolve` will download, judging by file sizes alone (no hashing)."""
    return sum(jar.size for jar in locked() if not _has_size(cache / jar.name, jar.size))


def resolve(
    cache: Path,
    *,
    jars: Sequence[Jar] | None = None,
    progress: Callable[[int], None] = lambda _bytes: None,
) -> tuple[Path, ...]:
    """Return the jars of Kafka's class path, after downloading those missing from the cache.

    Every cached jar is verified (44 MB to read); one that does not match the lock is downloaded
    again.

    Args:
        cache: folder for the jars; created if missing.
        jars: jars to resolve instead of the lock's.
        progress: called with the number of bytes of each chunk downloaded.

    Raises:
        JarsUnavailableError: if a jar cannot be downloaded, or does not match the lock.
        JarsError: if the cache cannot be written.
        NotInstalledError: if jars are missing and the downloader is not installed.
    """
    jars = locked() if jars is None else jars
    missing = [jar for jar in jars if not _matches(cache / jar.name, jar)]
    if missing:
        try:
            cache.mkdir(parents=True, exist_ok=True)
            _fetch_all(missing, cache, progress)
        except OSError as error:
            raise JarsError(
                f"Cannot keep Kafka's jars in {cache}: {error.strerror or error}."
            ) from error
        except ImportError as error:
            raise NotInstalledError from error
    return tuple(cache / jar.name for jar in jars)


def _fetch_all(missing: list[Jar], cache: Path, progress: Callable[[int], None]) -> None:
    progress_lock = Lock()
    cancelled = Event()

    def advance(received: int) -> None:
        if cancelled.is_set():
            raise CancelledError
        with progress_lock:
            progress(received)

    with (
        TemporaryDirectory(prefix=".fetching-", dir=cache) as staging,
        ThreadPoolExecutor(_CONNECTIONS, thread_name_prefix="jars") as threads,
    ):
        futures = {threads.submit(_fetch, jar, Path(staging), advance): jar for jar in missing}
        try:
            for future in as_completed(futures):
                future.result().replace(cache / futures[future].name)
        except BaseException:  # Ctrl-C, or a failure: the other downloads are useless
            cancelled.set()
            threads.shutdown(wait=False, cancel_futures=True)
            raise


def _fetch(jar: Jar, staging: Path, progress: Callable[[int], None]) -> Path:
    """Download a jar into the staging folder, verify its content and return its path."""
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            path = _download(jar, staging / f"{jar.name}.{attempt}", progress)
        except (OSError, RuntimeError) as error:
            # Errors of requests are OSErrors without an errno; disk errors have one.
            if getattr(error, "errno", None) in {errno.ENOSPC, errno.EDQUOT, errno.EACCES}:
                raise
            failure = f"cannot be downloaded ({_brief(error)}); check the network and try again."
        else:
            if _matches(path, jar):
                return path
            failure = "was downloaded, but does not match broker/jars.lock; check the Maven mirror."
    raise JarsUnavailableError(f"Kafka's jar {jar.name} {failure}")


def _download(jar: Jar, repository: Path, progress: Callable[[int], None]) -> Path:
    """Download a jar into a Maven repository folder of its own, leaving the user's untouched."""
    from jgo.config import GlobalSettings
    from jgo.constants import MAVEN_CENTRAL_URL
    from jgo.maven import MavenContext, PythonResolver

    # Mirrors configured for jgo come first; one named "central" replaces Maven Central.
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
    """Adapt `progress` to jgo, which wants a context manager yielding the callback."""
    yield progress


def _matches(path: Path, jar: Jar) -> bool:
    if not _has_size(path, jar.size):
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == jar.sha256


def _has_size(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size


def _coordinate(jar: Jar) -> str:
    return jar.coordinate


def _brief(error: Any) -> str:
    """Describe an error without the addresses and object names in requests' messages."""
    return type(error).__name__ if isinstance(error, OSError) else str(error).split(" {")[0]
