"""Ends the process when a call into librdkafka blocks past its own timeout.

`send_offsets_to_transaction` can do so while the group's coordinator is away (librdkafka issue
5456). Nothing inside the blocked thread can help, so another thread ends the process; the
orchestrator starts a new one, and Kafka aborts what was open.
"""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from confluent_kafka import TopicPartition

from consumer.commit.sink import CommitSink, OutputRecord

CHECK_SECONDS = 1.0


def _end_process(message: str) -> None:
    print(f"Error: {message}", file=sys.stderr, flush=True)
    os._exit(1)  # the blocked thread would not let the interpreter end


class Watchdog:
    """Watches one thread's calls from another.

    Args:
        limit: seconds that a watched call may take.
        end: called with a sentence when one takes longer.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        limit: float,
        *,
        end: Callable[[str], None] = _end_process,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit = limit
        self._end = end
        self._clock = clock
        self._watched: tuple[str, float] | None = None
        threading.Thread(target=self._run, name="watchdog", daemon=True).start()

    @contextmanager
    def watching(self, what: str) -> Iterator[None]:
        """Watch the block; `what` names it in the message."""
        self._watched = (what, self._clock())
        try:
            yield
        finally:
            self._watched = None

    def check(self) -> None:
        """End the process if the watched call is overdue."""
        watched = self._watched
        if watched is not None and self._clock() - watched[1] > self._limit:
            self._end(
                f"{watched[0]} has not come back for {self._limit:.0f} s; "
                "ending, so that a new process can take over."
            )

    def _run(self) -> None:
        while True:
            time.sleep(CHECK_SECONDS)
            self.check()


class WatchedSink:
    """A delivery whose calls are watched."""

    def __init__(self, delivery: CommitSink, watchdog: Watchdog) -> None:
        self._delivery = delivery
        self._watchdog = watchdog

    def open(self) -> None:
        """As the delivery within."""
        with self._watchdog.watching("Registering with Kafka's transactions"):
            self._delivery.open()

    def commit(self, records: Sequence[OutputRecord], offsets: Sequence[TopicPartition]) -> None:
        """As the delivery within."""
        with self._watchdog.watching("A commit"):
            self._delivery.commit(records, offsets)
