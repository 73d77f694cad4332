"""A TCP proxy between the detectors and Kafka, with which connections are cut, held and slowed."""

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

# Closing with this option set, and 0 s to linger, sends RST instead of FIN.
_RESET = (socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@dataclass(frozen=True, slots=True)
class Weather:
    """What befalls what is passed on.

    Attributes:
        accepting: whether new connections are taken; others are reset at once.
        flowing: whether anything moves; connections stay open meanwhile.
        latency: seconds that each chunk waits.
        bytes_per_second: in each direction of each connection; 0 for as fast as it goes.
    """

    accepting: bool = True
    flowing: bool = True
    latency: float = 0.0
    bytes_per_second: float = 0.0


FAIR = Weather()


class Proxy:
    """Passes connections on, in a thread of its own, from the `with` statement to its end.

    Args:
        port: where it listens, on the loopback interface.
        target: the port it passes on to.

    Attributes:
        port: where it listens.
        cuts: connections that were reset on purpose, each direction counted.
    """

    def __init__(self, port: int, target: int) -> None:
        self.port = port
        self._target = target
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._weather = FAIR
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

    def become(self, weather: Weather) -> None:
        """Change the weather; a proxy that no longer accepts cuts what is open."""

        async def change() -> None:
            self._weather = weather
            self._changed.set()
            self._changed = asyncio.Event()
            if not weather.accepting:
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
        if not self._weather.accepting:
            _reset(writer)
            return
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            _reset(writer)
            return
        for source, sink in ((reader, back), (there, writer)):
            task = self._loop.create_task(self._pass_on(source, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pass_on(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
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
        weather = self._weather
        if weather.latency:
            await asyncio.sleep(weather.latency)
        if weather.bytes_per_second:
            await asyncio.sleep(size / weather.bytes_per_second)
        while not self._weather.flowing:
            await self._changed.wait()


def _reset(writer: asyncio.StreamWriter) -> None:
    connection = writer.get_extra_info("socket")
    if connection is not None:
        with contextlib.suppress(OSError):
            connection.setsockopt(*_RESET)
    writer.transport.abort()
