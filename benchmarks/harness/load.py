"""A load generator: sends transactions to a topic at an even rate and records when."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from confluent_kafka import KafkaError, Producer
from numpy.typing import NDArray

from benchmarks.harness.errors import BenchmarkError
from benchmarks.harness.transactions import TransactionPool
from kafkaio.settings import KafkaSettings

# Below a millisecond the system's timer is not worth its interrupts: 30 records at 30,000 a second.
TICK_SECONDS = 0.001
FLUSH_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class SentLoad:
    """A load that was sent.

    Attributes:
        records: how many.
        seconds: from the first to the last one.
        times: for each flagged record, by key, the moment just before it was handed to the
            producer, in nanoseconds of the monotonic clock; in the order of sending.
    """

    records: int
    seconds: float
    times: dict[bytes, int]

    @property
    def rate(self) -> float:
        """Records a second."""
        return (self.records - 1) / self.seconds


class LoadGenerator:
    """Sends records to a topic, each at its time.

    Args:
        producer: sends them.
        transactions: the records' values.
        topic: to send to.
        name: prefix of each key, unique among the loads of a topic.
        flagged: for each record, whether the model flags it.

    Attributes:
        times: of the flagged records, as in `SentLoad`.
    """

    def __init__(
        self,
        producer: Producer,
        transactions: TransactionPool,
        topic: str,
        name: str,
        flagged: NDArray[np.bool_],
    ) -> None:
        self._producer = producer
        self._transactions = transactions
        self._topic = topic
        self._headers: list[tuple[str, str | bytes | None]] = [*transactions.encoding.headers]
        self._name = name.encode()
        self._flagged: list[bool] = flagged.tolist()
        self.times: dict[bytes, int] = {}

    def send(self, number: int) -> None:
        """Hand the record of that number to the producer; block while its queue is full."""
        key = b"%s-%09d" % (self._name, number)
        flagged = self._flagged[number % len(self._flagged)]
        value = self._transactions.payload(number, key, flagged=flagged)
        if flagged:
            self.times[key] = time.monotonic_ns()
        while True:
            try:
                self._producer.produce(self._topic, value, key, headers=self._headers)
            except BufferError:
                self._producer.poll(TICK_SECONDS)
            else:
                return

    def poll(self) -> None:
        """Handle delivery reports; does not block."""
        self._producer.poll(0)

    def send_at_rate(self, rate: float, records: int) -> SentLoad:
        """Send that many records at an even rate; after a stall, catch up at once."""
        start = time.monotonic()
        sent = 0
        elapsed = 0.0
        while sent < records:
            due = min(records, int((time.monotonic() - start) * rate) + 1)
            for number in range(sent, due):
                self.send(number)
            sent = due
            self.poll()
            elapsed = time.monotonic() - start
            time.sleep(max(sent / rate - elapsed, TICK_SECONDS))
        return SentLoad(records, elapsed, self.times)


@contextmanager
def load_producer(settings: KafkaSettings) -> Iterator[Producer]:
    """Provide a producer whose records are all delivered when the block ends.

    It does not linger, so that a measurement is of Kafka and the detector alone. (`fraudstream
    replay` lingers for a millisecond, which adds about as much.)

    Raises:
        BenchmarkError: if a record was not delivered.
    """
    undelivered: list[KafkaError] = []

    def on_delivery(error: KafkaError | None, _message: object) -> None:
        if error is not None:
            undelivered.append(error)

    producer = Producer(
        settings.client(
            {"linger.ms": 0, "delivery.report.only.error": True, "on_delivery": on_delivery},
            required={"acks": "all", "enable.idempotence": True},
        )
    )
    yield producer
    left = producer.flush(FLUSH_SECONDS)
    if left or undelivered:
        raise BenchmarkError(f"{left + len(undelivered)} records were not delivered.")
