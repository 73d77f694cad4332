"""A TCP proxy in front of a port of Kafka that resets, stalls or slows connections."""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

CHUNK = 64 * 1024

# With this option (linger for 0 s), closing a socket sends RST instead of FIN.
_RESET = (socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@dataclass(frozen=True, slots=True)
class NetworkConditions:
    """How the proxy treats connections.

    Attributes:
        accepting: whether new connections are accepted; otherwise they are reset at once.
        flowing: whether data are forwarded; otherwise connections stall but stay open.
        latency: delay of each chunk in seconds.
        bytes_per_second: limit for each direction of each connection; 0 for no limit.
    """

    accepting: bool = True
    flowing: bool = True
    latency: float = 0.0
    bytes_per_second: float = 0.0


NORMAL = NetworkConditions()


class Proxy:
    """Forwards connections in a thread of its own; a context manager.

    Args:
        port: port to listen on, on the loopback interface.
        target: port to forward to.
        admits: returns whether to accept a new connection, given the port that it comes from.

    Attributes:
        port: the port it listens on.
        cuts: number of connections reset on purpose, counted in each direction.
    """

    def __init__(
        self, port: int, target: int, *, admits: Callable[[int], bool] = lambda _port: True
    ) -> None:
        self.port = port
        self._target = target
        self._admits = admits
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._conditions = NORMAL
        self._changed = asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server
        self.cuts = 0

    def __enter__(self) -> Self:
        self._thread.start()
        self._call(self._open)
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._call(self._close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def apply(self, conditions: NetworkConditions) -> None:
        """Change the network conditions; if not accepting, open connections are reset too."""

        async def change() -> None:
            self._conditions = conditions
            self._changed.set()
            self._changed = asyncio.Event()
            if not conditions.accepting:
                self._cut()

        self._call(change)

    def cut(self) -> None:
        """Reset every open connection; new ones are accepted."""

        async def cut() -> None:
            self._cut()

        self._call(cut)

    def _call(self, step: Callable[[], "asyncio.Future[None] | object"]) -> None:
        asyncio.run_coroutine_threadsafe(step(), self._loop).result()  # type: ignore[arg-type]

    async def _open(self) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)

    async def _close(self) -> None:
        self._server.close()
        self._cut()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _cut(self) -> None:
        for writer in self._writers:
            self.cuts += 1
            _reset(writer)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._conditions.accepting or not self._admits(writer.get_extra_info("peername")[1]):
            _reset(writer)
            return
        try:
            responses, requests = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            _reset(writer)
            return
        for source, sink in ((reader, requests), (responses, writer)):
            task = self._loop.create_task(self._forward(source, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _forward(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        self._writers.add(sink)
        try:
            while chunk := await source.read(CHUNK):
                await self._delay(len(chunk))
                sink.write(chunk)
                await sink.drain()
        except OSError:
            _reset(sink)
        finally:
            self._writers.discard(sink)
            with contextlib.suppress(OSError):
                sink.close()

    async def _delay(self, size: int) -> None:
        conditions = self._conditions
        if conditions.latency:
            await asyncio.sleep(conditions.latency)
        if conditions.bytes_per_second:
            await asyncio.sleep(size / conditions.bytes_per_second)
        while not self._conditions.flowing:
            await self._changed.wait()


def _reset(writer: asyncio.StreamWriter) -> None:
    connection = writer.get_extra_info("socket")
    if connection is not None:
        with contextlib.suppress(OSError):
            connection.setsockopt(*_RESET)
    writer.transport.abort()
