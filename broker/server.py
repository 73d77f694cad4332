"""The embedded broker: Apache Kafka itself, one node, as a child process.

Steps of a start: take the data folder (a lock, so that no second broker uses it), find the jars,
find or make the archive for quick starts, start the node and wait until it answers a client.
"""

import fcntl
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from broker import jars
from broker.errors import StartError
from broker.java import FULL_SPEED
from broker.node import Node
from broker.properties import NO_MORE
from broker.quickstart import quick_options


class EmbeddedBroker:
    """A single-node Apache Kafka on this machine's loopback interface, as a context manager.

    It runs between entering and leaving the block, and never longer than this process. Start it
    in the main thread (`broker.process` says why).

    Args:
        cache: folder for the jars (45 MB), fetched there the first time, and for the archive
            for quick starts (65 MB), made the first time.
        data: folder for Kafka's records, kept and used again; None for a temporary one that is
            removed at the end.
        port: for clients; None for any free one.
        properties: further ones of the server (`server.properties`); they win over ours.
        full_speed: let the JVM optimize as a server's does, for measurements.
        progress: called with each number of bytes that were downloaded; see
            `broker.jars.bytes_to_fetch`.
        remark: told what takes long the first time.

    Attributes:
        version: of Apache Kafka.
    """

    version = jars.KAFKA_VERSION

    def __init__(
        self,
        *,
        cache: Path,
        data: Path | None = None,
        port: int | None = None,
        properties: Mapping[str, str] = NO_MORE,
        full_speed: bool = False,
        progress: Callable[[int], None] = lambda _bytes: None,
        remark: Callable[[str], None] = lambda _text: None,
    ) -> None:
        self._cache = cache
        self._data = data
        self._port = port
        self._properties = properties
        self._speed = FULL_SPEED if full_speed else ()
        self._progress = progress
        self._remark = remark
        self._lock: IO[bytes] | None = None
        self._temporary: Path | None = None
        self._node: Node | None = None

    @property
    def address(self) -> str:
        """Where clients connect, "127.0.0.1:PORT"; once started."""
        return self._started().address

    @property
    def log(self) -> Path:
        """Kafka's own log of this run; once started."""
        return self._started().log

    @property
    def pid(self) -> int | None:
        """The JVM's process id while there is one."""
        return self._node.pid if self._node else None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start Kafka and return when it answers.

        Raises:
            JarsError: if the jars cannot be had.
            StartError: if the port is taken, the folder cannot be used or is in use, or Kafka
                ends or does not answer; with the end of its log.
        """
        try:
            folder = self._take_folder()
            class_path = jars.resolve(self._cache, progress=self._progress)
            quick = quick_options(self._cache, class_path, remark=self._remark)
            self._node = Node(
                folder,
                class_path,
                options=(*quick, *self._speed),
                # The lock goes with the JVM, which may outlive a killed parent by a moment.
                inherited=(self._lock.fileno(),) if self._lock else (),
                properties=self._properties,
            )
            self._node.start(self._port)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End Kafka orderly, or by force when that takes too long; more calls do nothing."""
        try:
            if self._node:
                self._node.stop()
        finally:
            lock, self._lock = self._lock, None
            if lock:
                lock.close()
            if self._temporary:
                shutil.rmtree(self._temporary, ignore_errors=True)

    def kill(self) -> None:
        """End Kafka as a crash would (SIGKILL); its data stay as they are until `stop`."""
        self._started().kill()

    def shut_down(self) -> None:
        """End Kafka orderly, or by force when that takes too long; its data stay until `stop`."""
        self._started().stop()

    def restart(self) -> None:
        """Start Kafka again after `kill` or `shut_down`: same address, same data.

        Raises:
            StartError: as `start`.
        """
        node = self._started()
        node.start(int(node.address.rpartition(":")[2]))

    def wait(self) -> None:
        """Block while Kafka runs.

        Raises:
            BrokerExitedError: when it ends on its own; with the end of its log.
        """
        self._started().wait()

    def _started(self) -> Node:
        if self._node is None:
            raise StartError("The broker was not started.")
        return self._node

    def _take_folder(self) -> Path:
        """Make the data folder; lock it for as long as this process or the JVM lives."""
        if self._data is None:
            self._temporary = Path(tempfile.mkdtemp(prefix="fraudstream-kafka-"))
            return self._temporary
        folder = self._data.absolute()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = (folder / "in-use.lock").open("ab")
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StartError(
                f"Another broker is using the data in {folder}; "
                f"stop it, or choose another folder with --data DIR."
            ) from error
        except OSError as error:
            raise StartError(f"Cannot keep Kafka's data in {folder}: {error.strerror}.") from error
        return folder
