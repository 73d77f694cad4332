"""A stream to measure a detector with: rows whose verdicts are known, and a load that is timed.

Every record is a transaction of the twin with an id of its own. Which of them are flagged is
chosen, by the model's own scores, so that each has an alert to wait for.
"""

import multiprocessing
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from confluent_kafka import KafkaError, Producer
from numpy.typing import NDArray

from benchmarks.harness.errors import BenchmarkError
from events.codec import Encoding
from kafkaio.settings import KafkaSettings

# Of 100,000 rows about 200 are flagged. The ordinary ones may repeat: 20,000 of them are 14 MB,
# more than the processor's caches hold, so that reading them costs what reading new ones would.
DRAWN_ROWS = 100_000
ORDINARY_ROWS = 20_000

# A score depends on its batch to about 1e-6; rows this near to the threshold are left out.
MARGIN = 1e-4

# Below a millisecond the system's timer is not worth its interrupts: 30 records at 30,000 a second.
TICK_SECONDS = 0.001
FLUSH_SECONDS = 30.0

_JSON_ID = b'{"transaction_id":"'


@dataclass(frozen=True, slots=True)
class Rows:
    """Encoded transactions without their id, which `record` adds.

    Attributes:
        ordinary: rows that the model does not flag.
        flagged: rows that it flags.
        encoding: of both.
    """

    ordinary: tuple[bytes, ...]
    flagged: tuple[bytes, ...]
    encoding: Encoding = Encoding.JSON

    def record(self, number: int, key: bytes, *, flagged: bool) -> bytes:
        """Return a record's value, a transaction with this id."""
        rows = self.flagged if flagged else self.ordinary
        row = rows[number % len(rows)]
        return row + key if self.encoding is Encoding.COMPACT else _JSON_ID + key + row


def make_rows(artifact: Path, encoding: Encoding = Encoding.JSON) -> Rows:
    """Draw rows of the twin and sort them by the artifact's verdict.

    In a process of its own, so that ours stays without TensorFlow and its threads.
    """
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_make_rows, artifact, encoding).result()


def _make_rows(artifact: Path, encoding: Encoding) -> Rows:
    from dataset.twin import synthesize
    from events.messages import FEATURES, Transaction
    from model.serving.scorer import Scorer

    frame = synthesize(DRAWN_ROWS, seed=11)[list(FEATURES)]
    scorer = Scorer.load(artifact, device="cpu")
    scores = scorer(frame.to_numpy(np.float32))
    threshold = scorer.metadata.threshold

    def encoded(wanted: NDArray[np.bool_], maximum: int) -> tuple[bytes, ...]:
        values = frame.to_numpy()[wanted][:maximum].tolist()
        payloads = (encoding.write(Transaction("", *numbers)) for numbers in values)
        return tuple(payload.removeprefix(_JSON_ID) for payload in payloads)

    return Rows(
        encoded(scores < threshold - MARGIN, ORDINARY_ROWS),
        encoded(scores > threshold + MARGIN, DRAWN_ROWS),
        encoding,
    )


@dataclass(frozen=True, slots=True)
class Sent:
    """What a load sent.

    Attributes:
        records: how many.
        seconds: from the first to the last one.
        times: for each record to be flagged, by key, the moment just before it was handed to the
            client, in nanoseconds of the monotonic clock; in the order of sending.
    """

    records: int
    seconds: float
    times: dict[bytes, int]

    @property
    def rate(self) -> float:
        """Records a second."""
        return (self.records - 1) / self.seconds


class Load:
    """Sends records to a topic, each at its time.

    Args:
        producer: sends them.
        rows: what they are made of.
        topic: where to.
        name: begins each key: no two loads into one topic may have the same.
        flagged: for each record, whether it is to be flagged.
    """

    def __init__(
        self, producer: Producer, rows: Rows, topic: str, name: str, flagged: NDArray[np.bool_]
    ) -> None:
        self._producer = producer
        self._rows = rows
        self._topic = topic
        self._headers: list[tuple[str, str | bytes | None]] = [*rows.encoding.headers]
        self._name = name.encode()
        self._flagged: list[bool] = flagged.tolist()
        self.times: dict[bytes, int] = {}

    def send(self, number: int) -> None:
        """Hand over the record of that number; waits while the client's queue is full."""
        key = b"%s-%09d" % (self._name, number)
        flagged = self._flagged[number % len(self._flagged)]
        value = self._rows.record(number, key, flagged=flagged)
        if flagged:
            self.times[key] = time.monotonic_ns()
        while True:
            try:
                self._producer.produce(self._topic, value, key, headers=self._headers)
            except BufferError:
                self._producer.poll(TICK_SECONDS)
            else:
                return

    def serve(self) -> None:
        """Hear of what was delivered; does not wait."""
        self._producer.poll(0)

    def hold(self, rate: float, records: int) -> Sent:
        """Send that many records at an even rate; a stall is caught up with at once."""
        start = time.monotonic()
        sent = 0
        took = 0.0
        while sent < records:
            due = min(records, int((time.monotonic() - start) * rate) + 1)
            for number in range(sent, due):
                self.send(number)
            sent = due
            self.serve()
            took = time.monotonic() - start
            time.sleep(max(sent / rate - took, TICK_SECONDS))
        return Sent(records, took, self.times)


@contextmanager
def load_producer(settings: KafkaSettings) -> Iterator[Producer]:
    """Give a producer all of whose records are delivered when the block ends.

    Nothing waits for company: what is measured is Kafka and the detector, not a producer's choice.
    (`fraudstream replay` lingers for a millisecond, which adds about as much.)

    Raises:
        BenchmarkError: if any was not delivered.
    """
    undelivered: list[KafkaError] = []

    def note(error: KafkaError | None, _message: object) -> None:
        if error is not None:
            undelivered.append(error)

    producer = Producer(
        settings.client(
            {"linger.ms": 0, "delivery.report.only.error": True, "on_delivery": note},
            required={"acks": "all", "enable.idempotence": True},
        )
    )
    yield producer
    left = producer.flush(FLUSH_SECONDS)
    if left or undelivered:
        raise BenchmarkError(f"{left + len(undelivered)} records were not delivered.")
