"""Ends the process when a call that cannot be interrupted does not return.

A seek has no timeout at all, a network on a GPU that hangs never returns, and a call of librdkafka
may block past its timeout (one that does is bounded, see `consumer.commit.bounded_call`). Nothing
in the blocked thread can help, so another thread dumps the stacks of all threads and ends the
process; the orchestrator starts a new one, and Kafka aborts the open transaction.
"""

import faulthandler
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import TracebackType
from typing import Self

from confluent_kafka import TopicPartition

from consumer.commit.sink import CommitSink, CommitTimings, OutputRecord

CHECK_SECONDS = 1.0


def end_process(message: str) -> None:
    """Dump the stacks of all threads and the message to stderr, and exit with code 1 at once."""
    faulthandler.dump_traceback(all_threads=True)
    print(f"Error: {message}", file=sys.stderr, flush=True)
    os._exit(1)  # the blocked thread would keep the interpreter from exiting


class Watchdog:
    """Watches the calls of other threads; its own runs within a `with` statement.

    Args:
        limit: seconds that a watched call may take.
        end: called with a sentence when a call takes longer.
        monotonic: seconds of a clock that never goes back.
    """

    def __init__(
        self,
        limit: float,
        *,
        end: Callable[[str], None] = end_process,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit = limit
        self._end = end
        self._monotonic = monotonic
        self._watched: dict[object, tuple[str, float]] = {}  # by call that has not returned
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._closed.set()
        self._thread.join()

    @contextmanager
    def watching(self, call: str) -> Iterator[None]:
        """Watch the block; `call` names it in the message."""
        key = object()
        self._watched[key] = (call, self._monotonic())
        try:
            yield
        finally:
            del self._watched[key]

    def check(self) -> None:
        """End the process if a watched call is overdue."""
        now = self._monotonic()
        for call, since in tuple(self._watched.values()):
            if now - since > self._limit:
                self._end(
                    f"{call} has not returned for {self._limit:.0f} s; "
                    "exiting, so that a new process can take over."
                )

    def _run(self) -> None:
        while not self._closed.wait(CHECK_SECONDS):
            self.check()


Watch = Callable[[str], AbstractContextManager[None]]
"""Watches a block, named by the text; see `Watchdog.watching`."""


def unwatched(_call: str) -> AbstractContextManager[None]:
    """Watch nothing."""
    return nullcontext()


class WatchedSink:
    """A sink whose calls are watched."""

    def __init__(self, sink: CommitSink, watchdog: Watchdog) -> None:
        self._sink = sink
        self._watchdog = watchdog

    def open(self) -> None:
        """Open the sink."""
        with self._watchdog.watching("Registering a producer with Kafka"):
            self._sink.open()

    def commit(
        self, records: Sequence[OutputRecord], offsets: Sequence[TopicPartition]
    ) -> CommitTimings:
        """Commit to the sink."""
        with self._watchdog.watching("A commit"):
            return self._sink.commit(records, offsets)
