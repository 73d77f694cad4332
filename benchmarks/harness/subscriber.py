"""A subscriber to alerts, as a process of its own, that notes when each alert came."""

import gc
import multiprocessing
import time
from collections.abc import Callable, Collection, Sequence
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Self

from confluent_kafka import Consumer, TopicPartition

from benchmarks.harness.errors import AlertsMissingError, BenchmarkError
from kafkaio.settings import KafkaSettings
from kafkaio.topics import list_topics

START_SECONDS = 30.0
WAIT_SECONDS = 0.02

Arrivals = dict[bytes, list[int]]
"""For each alert, by key, when it came: once, if all is well."""


class Subscriber:
    """Reads committed alerts, from the moment the block is entered on.

    Args:
        settings: how to reach Kafka.
        topics: the alerts' topics; their partitions are assigned, no group is joined.
    """

    def __init__(self, settings: KafkaSettings, topics: Sequence[str]) -> None:
        self._asking, self._answering = multiprocessing.Pipe()
        # Not forked: a copy of our Kafka clients would have their sockets and not their threads.
        self._process = multiprocessing.get_context("spawn").Process(
            target=_read, args=(settings, topics, self._answering), daemon=True
        )

    def __enter__(self) -> Self:
        self._process.start()
        self._answering.close()  # the child has its own; ours would hide that it ended
        self.news()  # answered once it reads
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._asking.close()
        self._process.join(START_SECONDS)

    def news(self) -> list[tuple[bytes, int]]:
        """Return the alerts that came since the last call: key, and monotonic nanoseconds.

        The moment is when the client handed the alert over.

        Raises:
            BenchmarkError: if the subscriber has ended.
        """
        try:
            self._asking.send(None)
            came: list[tuple[bytes, int]] = self._asking.recv()
        except (EOFError, OSError) as error:
            raise BenchmarkError("The subscriber has ended.") from error
        return came

    def wait_for(
        self,
        keys: Collection[bytes],
        *,
        seconds: float,
        check: Callable[[], None] = lambda: None,
    ) -> Arrivals:
        """Return the arrivals of these alerts.

        Args:
            keys: of the alerts.
            seconds: to wait at most.
            check: called again and again meanwhile; raises to give up.

        Raises:
            AlertsMissingError: if one is missing after so many seconds.
            BenchmarkError: if another one came.
        """
        deadline = time.monotonic() + seconds
        arrivals: Arrivals = {key: [] for key in keys}
        missing = len(arrivals)
        while missing:
            check()
            for key, moment in self.news():
                if key not in arrivals:
                    raise BenchmarkError(f"An alert came that was not expected: {key.decode()}.")
                missing -= not arrivals[key]
                arrivals[key].append(moment)
            if time.monotonic() > deadline:
                raise AlertsMissingError(
                    f"{missing:,} of {len(arrivals):,} alerts did not come within {seconds:g} s."
                )
            time.sleep(WAIT_SECONDS)
        return arrivals


def _read(settings: KafkaSettings, topics: Sequence[str], answering: Connection) -> None:
    """Read alerts for ever; hand over what came whenever we are asked; end with our parent."""
    consumer = Consumer(
        settings.client(
            required={
                "group.id": "benchmark-subscriber",  # never joined: partitions are assigned
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
            }
        )
    )
    found = list_topics(settings)
    places = [TopicPartition(topic, number) for topic in topics for number in range(found[topic])]
    for place in places:
        place.offset = consumer.get_watermark_offsets(place, timeout=START_SECONDS)[1]
    consumer.assign(places)
    gc.freeze()
    gc.disable()  # its pauses would be counted as the detector's
    came: list[tuple[bytes, int]] = []
    try:
        while True:
            # poll, not consume: that one waits until it has as many as it was asked for.
            message = consumer.poll(WAIT_SECONDS)
            moment = time.monotonic_ns()
            if message is not None and message.error() is None:
                came.append((message.key() or b"", moment))
            if answering.poll():
                answering.recv()
                answering.send(came)
                came = []
    except (EOFError, OSError, KeyboardInterrupt):
        consumer.close()
