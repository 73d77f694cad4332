"""The embedded broker: Apache Kafka itself, one node, as a child process.

To start: lock the data folder, resolve the jars, find or create the AOT archive, start the node
and wait until it answers a client.
"""

import fcntl
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from broker import jars
from broker.errors import FolderInUseError, StartError
from broker.java import FULL_SPEED
from broker.node import Node
from broker.properties import NO_EXTRA
from broker.quickstart import quick_options


class EmbeddedBroker:
    """A single-node Apache Kafka on this machine's loopback interface, as a context manager.

    Kafka runs inside the `with` block and never outlives this process. Start it in the main
    thread (`broker.process` explains why).

    Args:
        cache: folder for the jars (45 MB) and the AOT archive for faster starts (65 MB); both are
            fetched or created on first use.
        data: folder for Kafka's records, kept and reused; None for a temporary one that is
            removed at the end.
        port: for clients; None picks a free one.
        properties: extra server properties (`server.properties`); they override ours.
        full_speed: enable all JIT compilers, for benchmarks.
        heap: of the JVM in MB, at most; None for 512.
        cluster: id of the cluster that it belongs to; None for one of its own.
        progress: called with the number of bytes of each chunk downloaded; see
            `broker.jars.bytes_to_fetch`.
        remark: called with a sentence when a slow one-time step starts or fails.

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
        properties: Mapping[str, str] = NO_EXTRA,
        full_speed: bool = False,
        heap: int | None = None,
        cluster: str | None = None,
        progress: Callable[[int], None] = lambda _bytes: None,
        remark: Callable[[str], None] = lambda _text: None,
    ) -> None:
        self._cache = cache
        self._data = data
        self._port = port
        self._properties = properties
        # The JVM takes the last of several values (broker.java has the first).
        self._options = (*(FULL_SPEED if full_speed else ()), *((f"-Xmx{heap}m",) if heap else ()))
        self._cluster = cluster
        self._progress = progress
        self._remark = remark
        self._lock: IO[bytes] | None = None
        self._temporary: Path | None = None
        self._node: Node | None = None

    @property
    def address(self) -> str:
        """The bootstrap address, "127.0.0.1:PORT"; once started."""
        return self._started().address

    @property
    def log(self) -> Path:
        """Kafka's own log of this run; once started."""
        return self._started().log

    @property
    def pid(self) -> int | None:
        """The JVM's process id; None unless it runs."""
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
        """Start Kafka and wait until it answers.

        Raises:
            JarsError: if the jars are unusable or cannot be downloaded.
            StartError: if the port is taken, the folder is unusable or in use, or Kafka exits or
                does not answer (the message ends with its log's last lines).
        """
        try:
            folder = self._lock_folder()
            class_path = jars.resolve(self._cache, progress=self._progress)
            quick = quick_options(self._cache, class_path, remark=self._remark)
            self._node = Node(
                folder,
                class_path,
                options=(*quick, *self._options),
                # The JVM inherits the lock, because it may briefly outlive a killed parent.
                inherited=(self._lock.fileno(),) if self._lock else (),
                properties=self._properties,
                cluster=self._cluster,
            )
            self._node.start(self._port)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Shut Kafka down, kill it after a timeout, and release the folder; idempotent."""
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
        """Kill Kafka (SIGKILL), as a crash would; its data stay until `stop`."""
        self._started().kill()

    def shut_down(self) -> None:
        """Shut Kafka down, and kill it after a timeout; its data stay until `stop`."""
        self._started().stop()

    def wipe(self) -> None:
        """Delete Kafka's records after `kill` or `shut_down`, as when its disk is replaced.

        Raises:
            StartError: if they cannot be deleted.
        """
        self._started().wipe()

    def restart(self) -> None:
        """Start Kafka again after `kill` or `shut_down`, with the same address and data.

        Raises:
            StartError: as `start`.
        """
        node = self._started()
        node.start(int(node.address.rpartition(":")[2]))

    def wait(self) -> None:
        """Block until Kafka exits.

        Raises:
            BrokerExitedError: when Kafka exits on its own; with its log's last lines.
        """
        self._started().wait()

    def _started(self) -> Node:
        if self._node is None:
            raise StartError("The broker was not started.")
        return self._node

    def _lock_folder(self) -> Path:
        """Create the data folder and lock it for as long as this process or the JVM lives."""
        if self._data is None:
            self._temporary = Path(tempfile.mkdtemp(prefix="fraudstream-kafka-"))
            return self._temporary
        folder = self._data.absolute()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = (folder / "in-use.lock").open("ab")
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FolderInUseError(
                f"Another broker is using the data in {folder}; stop it, or choose another folder."
            ) from error
        except OSError as error:
            raise StartError(f"Cannot keep Kafka's data in {folder}: {error.strerror}.") from error
        return folder
