"""A subscriber to alerts, in a process of its own, that records when each alert arrived."""

import gc
import multiprocessing
import time
from collections.abc import Callable, Collection, Sequence
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Self

from confluent_kafka import Consumer, KafkaException, TopicPartition

from benchmarks.harness.errors import AlertsMissingError, BenchmarkError
from kafkaio.settings import KafkaSettings
from kafkaio.topics import list_topics

START_SECONDS = 30.0
WAIT_SECONDS = 0.02

Arrivals = dict[bytes, list[int]]
"""For each alert, by key, when it arrived: once, if there are no duplicates."""


class Subscriber:
    """Reads committed alerts while the block runs.

    Args:
        settings: how to reach Kafka.
        topics: the alerts' topics; their partitions are assigned, no group is joined.
    """

    def __init__(self, settings: KafkaSettings, topics: Sequence[str]) -> None:
        self._connection, self._remote = multiprocessing.Pipe()
        # Not forked: a copy of our Kafka clients would have their sockets and not their threads.
        self._process = multiprocessing.get_context("spawn").Process(
            target=_read, args=(settings, topics, self._remote), daemon=True
        )

    def __enter__(self) -> Self:
        self._process.start()
        self._remote.close()  # the child has its own; ours would hide that the child has ended
        self.new_alerts()  # answered once the child reads
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._connection.close()
        self._process.join(START_SECONDS)

    def new_alerts(self) -> list[tuple[bytes, int]]:
        """Return the alerts since the last call: key, and arrival in monotonic nanoseconds.

        An alert arrives when the Kafka client returns it.

        Raises:
            BenchmarkError: if the subscriber has ended.
        """
        try:
            self._connection.send(None)
            alerts: list[tuple[bytes, int]] = self._connection.recv()
        except (EOFError, OSError) as error:
            raise BenchmarkError("The subscriber has ended.") from error
        return alerts

    def wait_for(
        self,
        keys: Collection[bytes],
        *,
        seconds: float,
        check: Callable[[], None] = lambda: None,
    ) -> Arrivals:
        """Wait for the alerts with these keys and return their arrivals.

        Args:
            keys: of the alerts.
            seconds: to wait at most.
            check: called repeatedly while waiting; raises an error to give up.

        Raises:
            AlertsMissingError: if an alert is missing after so many seconds.
            BenchmarkError: if an alert with another key arrives.
        """
        deadline = time.monotonic() + seconds
        arrivals: Arrivals = {key: [] for key in keys}
        missing = len(arrivals)
        while missing:
            check()
            for key, moment in self.new_alerts():
                if key not in arrivals:
                    raise BenchmarkError(f"An unexpected alert arrived: {key.decode()}.")
                missing -= not arrivals[key]
                arrivals[key].append(moment)
            if time.monotonic() > deadline:
                raise AlertsMissingError(
                    f"{missing:,} of {len(arrivals):,} alerts did not come within {seconds:g} s."
                )
            time.sleep(WAIT_SECONDS)
        return arrivals


def _read(settings: KafkaSettings, topics: Sequence[str], connection: Connection) -> None:
    """Read alerts until the parent ends; send the new ones whenever the parent requests them."""
    consumer = Consumer(
        settings.client(
            required={
                "group.id": "benchmark-subscriber",  # never joined: partitions are assigned
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
            }
        )
    )
    counts = list_topics(settings)
    partitions = [
        TopicPartition(topic, number) for topic in topics for number in range(counts[topic])
    ]
    for partition in partitions:
        partition.offset = _end_offset(consumer, partition)
    consumer.assign(partitions)
    gc.freeze()
    gc.disable()  # its pauses would be counted as the detector's
    alerts: list[tuple[bytes, int]] = []
    try:
        while True:
            # poll, not consume: consume waits until it has as many records as it may return.
            message = consumer.poll(WAIT_SECONDS)
            moment = time.monotonic_ns()
            if message is not None and message.error() is None:
                alerts.append((message.key() or b"", moment))
            if connection.poll():
                connection.recv()
                connection.send(alerts)
                alerts = []
    except (EOFError, OSError, KeyboardInterrupt):
        consumer.close()


def _end_offset(consumer: Consumer, partition: TopicPartition) -> int:
    """Return a partition's end; retry while a new partition's leader is not ready."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            end: int = consumer.get_watermark_offsets(partition, timeout=START_SECONDS)[1]
        except KafkaException:
            if time.monotonic() > deadline:
                raise
            time.sleep(WAIT_SECONDS)
        else:
            return end
