"""The publisher, a process of its own: the numbered stream at a steady rate, until SIGTERM.

`python -m tests.chaos.publisher BROKER TOPIC STREAM RATE`. SIGUSR1 makes the next `BURST` numbers
poison. Started after a kill, it reads the last record of each partition and goes on with the number
after it: so the input has neither gaps nor doubles, and every loss or double found later is the
detector's.
"""

import signal
import sys
import threading
import time
from pathlib import Path

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from tests.chaos.stream import PARTITIONS, POISON, Stream, name, number_of

BURST = 25
# What a killed publisher had sent may still be on its way through the broker's sockets.
SETTLE_SECONDS = 0.5
FLUSH_SECONDS = 60.0
# As soon as a broker is back, so is its publisher: the default waits for up to 10 s.
RECONNECT = {"reconnect.backoff.ms": 20, "reconnect.backoff.max.ms": 250}


def next_numbers(broker: str, topic: str) -> list[int]:
    """Return the next number of each partition."""
    consumer = Consumer(
        {"bootstrap.servers": broker, "group.id": "chaos-publisher", "log_level": 0, **RECONNECT}
    )
    try:
        ends = _settled_ends(consumer, topic)
        return [
            partition if end == 0 else _number_at(consumer, topic, partition, end - 1) + PARTITIONS
            for partition, end in enumerate(ends)
        ]
    finally:
        consumer.close()


def _settled_ends(consumer: Consumer, topic: str) -> list[int]:
    """Return the end offset of each partition, once nothing has been added for a moment."""
    before: list[int] = []
    while True:
        ends = [_end(consumer, topic, partition) for partition in range(PARTITIONS)]
        if ends == before:
            return ends
        before = ends
        time.sleep(SETTLE_SECONDS)


def _end(consumer: Consumer, topic: str, partition: int) -> int:
    while True:
        try:
            _low, high = consumer.get_watermark_offsets(
                TopicPartition(topic, partition), timeout=5, cached=False
            )
        except KafkaException:
            time.sleep(SETTLE_SECONDS)  # the broker is away as well
        else:
            return int(high)


def _number_at(consumer: Consumer, topic: str, partition: int, offset: int) -> int:
    consumer.assign([TopicPartition(topic, partition, offset)])
    while True:
        message = consumer.poll(1)
        if message is not None and message.error() is None:
            key = message.key()
            assert isinstance(key, bytes)
            return number_of(key.decode())


def publish(broker: str, topic: str, stream: Stream, rate: float) -> int:
    """Publish until SIGTERM; return the exit code."""
    stop = threading.Event()
    burst = 0

    def more_poison(*_: object) -> None:
        nonlocal burst
        burst += BURST

    signal.signal(signal.SIGUSR1, more_poison)
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    failed: list[KafkaError] = []
    producer = Producer(
        {
            "bootstrap.servers": broker,
            "enable.idempotence": True,
            "enable.gapless.guarantee": True,
            "message.timeout.ms": 0,  # never: a record that was given up would be a gap
            "linger.ms": 0,
            "log_level": 0,
            "error_cb": lambda error: failed.append(error) if error.fatal() else None,
            "on_delivery": lambda error, _: failed.append(error) if error else None,
            **RECONNECT,
        }
    )
    nexts = next_numbers(broker, topic)
    print(f"Going on with {nexts}.", file=sys.stderr, flush=True)
    started, published = time.monotonic(), 0
    while not stop.is_set() and not failed:
        due = int((time.monotonic() - started) * rate)
        while published < due:
            number = min(nexts)
            poisoned = stream.is_poisoned(number) or burst > 0
            burst -= burst > 0
            producer.produce(
                topic,
                key=name(number),
                value=stream.payload(number, poisoned=poisoned),
                headers=[(POISON, b"1")] if poisoned else None,
                partition=number % PARTITIONS,
            )
            nexts[number % PARTITIONS] += PARTITIONS
            published += 1
        producer.poll(0)
        stop.wait(1 / rate)
    producer.flush(FLUSH_SECONDS)
    if failed:
        print(f"Error: {failed[0].str()}.", file=sys.stderr)
    return 1 if failed or len(producer) else 0


if __name__ == "__main__":
    _, broker, topic, path, rate = sys.argv
    sys.exit(publish(broker, topic, Stream.load(Path(path)), float(rate)))
