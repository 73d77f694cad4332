"""One Kafka node in a folder: formatted once, then a JVM that is started, watched and ended."""

import base64
import contextlib
import socket
import subprocess
import time
import uuid
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from broker.errors import BrokerExitedError, StartError
from broker.java import start_java
from broker.ports import free_port
from broker.properties import NO_MORE, server_properties, write_properties

START_SECONDS = 60.0
"""How long a start may take; it takes 1 to 5 s, and more on a machine that is busy."""

STOP_SECONDS = 15.0
"""How long an orderly end may take before the JVM is killed; it takes about half a second."""

_ATTEMPTS = 3  # with another free port each, when another process took it in between
_LOG_LINES = 10  # of the log's end, shown when Kafka fails
_STARTED = b"Kafka Server started"
_PORT_LOST = b"Address already in use"


class Node:
    """One Kafka node.

    Args:
        folder: for its properties, log and records.
        class_path: Kafka's jars.
        options: further ones of the JVM.
        inherited: file descriptors that the JVM keeps open.
        properties: further ones of the server; they win over ours.

    Attributes:
        address: where clients connect, "127.0.0.1:PORT"; "" before the start.
        log: Kafka's own log of the latest start.
    """

    def __init__(
        self,
        folder: Path,
        class_path: Sequence[Path],
        *,
        options: Sequence[str] = (),
        inherited: Sequence[int] = (),
        properties: Mapping[str, str] = NO_MORE,
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
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The JVM's process id while there is one."""
        return self._process.pid if self._process else None

    def start(self, port: int | None = None) -> None:
        """Start and return when a client gets an answer.

        Args:
            port: for clients; None for any free one.

        Raises:
            BrokerExitedError: if Kafka ends, or does not answer in `START_SECONDS`.
            StartError: if the port is taken or the folder cannot be used.
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
        """Make the folder Kafka's own, unless it is.

        Raises:
            StartError: if that cannot be done.
        """
        if (self._records / "meta.properties").exists():
            return
        self._write_properties(free_port())
        properties = str(self._properties_file)
        tool = ("kafka.tools.StorageTool", "format", "-t", _cluster_id(), "-c", properties)
        self._start_java(tool)
        if self._process and self._process.wait() != 0:
            raise BrokerExitedError(f"Kafka cannot use its folder. {self.log_end()}")

    def exit_code(self) -> int | None:
        """Return the exit code if the JVM ended on its own (negative: by that signal)."""
        return self._process.poll() if self._process else None

    def wait(self) -> None:
        """Block while Kafka runs.

        Raises:
            BrokerExitedError: when it ends on its own.
        """
        if self._process:
            code = self._process.wait()
            raise BrokerExitedError(f"Kafka ended on its own (exit code {code}). {self.log_end()}")

    def stop(self, patience: float = STOP_SECONDS) -> None:
        """End Kafka orderly, and by force after `patience` seconds or when interrupted."""
        process, self._process = self._process, None
        if process is None:
            return
        try:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(patience)
        finally:
            process.kill()
            process.wait()

    def kill(self) -> None:
        """End Kafka as a crash would (SIGKILL); its folder stays as it was at that moment."""
        process, self._process = self._process, None
        if process:
            process.kill()
            process.wait()

    def log_end(self) -> str:
        """Return the last lines of the log, after a few words that say so."""
        with self.log.open(encoding="utf-8", errors="replace") as lines:
            # Without Java's stack frames: the lines between them say what happened.
            end = deque((it for it in lines if not it.startswith("\tat ")), maxlen=_LOG_LINES)
        return f"The end of its log, {self.log}:\n{''.join(end).rstrip()}"

    def _run(self, port: int) -> None:
        self._write_properties(port)
        self.address = f"127.0.0.1:{port}"
        self._start_java(("kafka.Kafka", str(self._properties_file)))

    def _comes_up(self) -> bool:
        """Wait for an answer; False when the JVM ended before."""
        deadline = time.monotonic() + START_SECONDS
        while self.exit_code() is None:
            # Its log tells when the port is open. To try the port itself would now and then take
            # it away: a connection to a port of the system's own range can be given that very
            # port as its source.
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
            self._records, port=port, controller_port=free_port(), further=self._properties
        )
        with self._keeping():
            write_properties(self._properties_file, properties)

    def _start_java(self, arguments: Sequence[str]) -> None:
        with self._keeping(), self.log.open("wb") as log:
            self._process = start_java(
                self._class_path,
                arguments,
                options=self._options,
                log=log,
                inherited=self._inherited,
            )

    @contextlib.contextmanager
    def _keeping(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StartError(
                f"Cannot keep Kafka's data in {self._folder}: {error.strerror}."
            ) from error


def _cluster_id() -> str:
    """Return 16 random bytes as Kafka writes them, not beginning with what looks like an option."""
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
            raise StartError(
                f"Port {port} cannot be used ({error.strerror}); choose another with --port, "
                f"or leave it out for any free one."
            ) from error


def _answers(address: str) -> bool:
    """Tell whether a client gets an answer there, with a node to talk to."""
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    client = AdminClient({"bootstrap.servers": address, "log_level": 0})
    try:
        return bool(client.list_topics(timeout=2).brokers)
    except KafkaException:
        return False
