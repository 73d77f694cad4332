"""One Kafka node in a folder: formatted once, then run by a JVM that is started and stopped."""

import base64
import contextlib
import shutil
import socket
import subprocess
import time
import uuid
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from broker.errors import BrokerExitedError, PortTakenError, StartError
from broker.java import start_java
from broker.ports import free_port
from broker.properties import NO_EXTRA, server_properties, write_properties

START_SECONDS = 120.0
"""Timeout of a start, which takes 1 to 5 s on an idle machine."""

STOP_SECONDS = 15.0
"""Timeout of an orderly shutdown, which takes about 0.5 s, before the JVM is killed."""

_ATTEMPTS = 3  # each with another free port, because another process may take one in between
_LOG_LINES = 10  # last lines of the log, shown when Kafka fails
_STARTED = b"Kafka Server started"
_PORT_LOST = b"Address already in use"


class Node:
    """One Kafka node.

    Args:
        folder: for its properties, log and records.
        class_path: Kafka's jars.
        options: extra JVM options.
        inherited: file descriptors that the JVM inherits.
        properties: extra server properties; they override ours.
        cluster: id of the cluster that it belongs to (`new_cluster_id`); None for one of its own.

    Attributes:
        address: the bootstrap address, "127.0.0.1:PORT"; "" before the start.
        log: Kafka's own log of the latest start.
    """

    def __init__(
        self,
        folder: Path,
        class_path: Sequence[Path],
        *,
        options: Sequence[str] = (),
        inherited: Sequence[int] = (),
        properties: Mapping[str, str] = NO_EXTRA,
        cluster: str | None = None,
    ) -> None:
        self.address = ""
        self.log = folder / "broker.log"
        self._folder = folder
        self._records = folder / "records"
        self._properties_file = folder / "server.properties"
        self._properties = properties
        self._class_path = class_path
        self._options = options
        self._inherited = inherited
        self._cluster = cluster or new_cluster_id()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The JVM's process id; None unless it runs."""
        return self._process.pid if self._process else None

    def start(self, port: int | None = None) -> None:
        """Start Kafka and wait until it answers a client.

        Args:
            port: for clients; None picks a free one.

        Raises:
            BrokerExitedError: if Kafka exits, or does not answer within `START_SECONDS`.
            PortTakenError: if the port cannot be bound.
            StartError: if the folder cannot be used.
        """
        if port is not None:
            _require_free(port)
        self.format()
        for _attempt in range(_ATTEMPTS):
            self._run(port or free_port())
            if self._comes_up():
                return
            if port is not None or _PORT_LOST not in self.log.read_bytes():
                break
        raise BrokerExitedError(f"Kafka ended while it started. {self.log_end()}")

    def format(self) -> None:
        """Format the folder as Kafka's storage, unless it already is.

        Raises:
            StartError: if the folder cannot be used.
        """
        if (self._records / "meta.properties").exists():
            return
        self._write_properties(free_port())
        properties = str(self._properties_file)
        tool = ("kafka.tools.StorageTool", "format", "-t", self._cluster, "-c", properties)
        self._start_java(tool)
        if self._process and self._process.wait() != 0:
            raise BrokerExitedError(
                f"Kafka cannot prepare its folder {self._folder}. {self.log_end()}"
            )

    def exit_code(self) -> int | None:
        """Return the JVM's exit code, negative for a signal; None while it runs."""
        return self._process.poll() if self._process else None

    def wait(self) -> None:
        """Block until Kafka exits.

        Raises:
            BrokerExitedError: when Kafka exits on its own.
        """
        if self._process:
            code = self._process.wait()
            raise BrokerExitedError(f"Kafka ended on its own (exit code {code}). {self.log_end()}")

    def stop(self, timeout: float = STOP_SECONDS) -> None:
        """Shut Kafka down (SIGTERM); kill it after `timeout` seconds or when interrupted."""
        process, self._process = self._process, None
        if process is None:
            return
        try:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout)
        finally:
            process.kill()
            process.wait()

    def kill(self) -> None:
        """Kill Kafka (SIGKILL), as a crash would; its folder stays as it is."""
        process, self._process = self._process, None
        if process:
            process.kill()
            process.wait()

    def wipe(self) -> None:
        """Delete Kafka's records, as when its disk is replaced; Kafka must not run.

        Raises:
            StartError: if they cannot be deleted.
        """
        with self._folder_errors():
            shutil.rmtree(self._records)

    def log_end(self) -> str:
        """Return the last lines of the log under a heading, for an error message."""
        with self.log.open(encoding="utf-8", errors="replace") as lines:
            # Without Java's stack frames: the lines between them describe the failure.
            end = deque((line for line in lines if not line.startswith("\tat ")), maxlen=_LOG_LINES)
        return f"The end of its log, {self.log}:\n{''.join(end).rstrip()}"

    def _run(self, port: int) -> None:
        self._write_properties(port)
        self.address = f"127.0.0.1:{port}"
        self._start_java(("kafka.Kafka", str(self._properties_file)))

    def _comes_up(self) -> bool:
        """Wait until Kafka answers; return False if the JVM exits first."""
        deadline = time.monotonic() + START_SECONDS
        while self.exit_code() is None:
            # Wait for the log line before connecting: a connection attempt to a closed port in the
            # ephemeral range can be assigned that very port as its source and so take it away.
            if _STARTED in self.log.read_bytes() and _answers(self.address):
                return True
            if time.monotonic() > deadline:
                raise BrokerExitedError(
                    f"Kafka did not answer within {START_SECONDS:.0f} s. {self.log_end()}"
                )
            time.sleep(0.02)
        return False

    def _write_properties(self, port: int) -> None:
        properties = server_properties(
            self._records, port=port, controller_port=free_port(), extra=self._properties
        )
        with self._folder_errors():
            write_properties(self._properties_file, properties)

    def _start_java(self, arguments: Sequence[str]) -> None:
        with self._folder_errors(), self.log.open("wb") as log:
            self._process = start_java(
                self._class_path,
                arguments,
                options=self._options,
                log=log,
                inherited=self._inherited,
            )

    @contextlib.contextmanager
    def _folder_errors(self) -> Iterator[None]:
        """Convert OSError to StartError."""
        try:
            yield
        except OSError as error:
            raise StartError(
                f"Cannot keep Kafka's data in {self._folder}: {error.strerror}."
            ) from error


def new_cluster_id() -> str:
    """Return a random cluster id in Kafka's format, without a leading dash (an option's prefix)."""
    while (name := base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith(
        "-"
    ):
        pass
    return name


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as Kafka does
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise PortTakenError(
                f"Port {port} cannot be used ({error.strerror}); choose another."
            ) from error


def _answers(address: str) -> bool:
    """Return whether a client at this address gets metadata that lists a broker."""
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    client = AdminClient({"bootstrap.servers": address, "log_level": 0})
    try:
        return bool(client.list_topics(timeout=2).brokers)
    except KafkaException:
        return False
