"""The publisher process: publishes the numbered stream at a constant rate until SIGTERM.

`python -m tests.chaos.publisher BROKER TOPIC STREAM RATE`. SIGUSR1 turns the next `BURST` records
into poison; SIGUSR2 announces that the topic has more partitions. After a restart it reads the last
record of each partition and continues with the following number. So the input has neither gaps nor
duplicates, and any found later are the detector's.
"""

import signal
import sys
import threading
import time
from pathlib import Path

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from tests.chaos.stream import POISON, STRIDE, Stream, id_of, number_of, partition_of

BURST = 25
# Records sent by a killed publisher may still be in the broker's socket buffers.
SETTLE_SECONDS = 0.5
FLUSH_SECONDS = 60.0
# Reconnect as soon as the broker is back: the default backoff is up to 10 s.
RECONNECT = {"reconnect.backoff.ms": 20, "reconnect.backoff.max.ms": 250}


def next_numbers(broker: str, topic: str) -> list[int]:
    """Return the next number of each partition."""
    consumer = Consumer(
        {"bootstrap.servers": broker, "group.id": "chaos-publisher", "log_level": 0, **RECONNECT}
    )
    try:
        ends = _settled_ends(consumer, topic)
        return [
            partition if end == 0 else _number_at(consumer, topic, partition, end - 1) + STRIDE
            for partition, end in enumerate(ends)
        ]
    finally:
        consumer.close()


def _settled_ends(consumer: Consumer, topic: str) -> list[int]:
    """Return each partition's end offset, once they have stopped changing."""
    before: list[int] = []
    while True:
        ends = [_end(consumer, topic, number) for number in range(_partitions(consumer, topic))]
        if ends == before:
            return ends
        before = ends
        time.sleep(SETTLE_SECONDS)


def _partitions(client: Consumer | Producer, topic: str) -> int:
    """Return the number of partitions, once Kafka answers."""
    while True:
        try:
            return len(client.list_topics(topic, timeout=5).topics[topic].partitions)
        except KafkaException:
            time.sleep(SETTLE_SECONDS)


def _end(consumer: Consumer, topic: str, partition: int) -> int:
    while True:
        try:
            _low, high = consumer.get_watermark_offsets(
                TopicPartition(topic, partition), timeout=5, cached=False
            )
        except KafkaException:
            time.sleep(SETTLE_SECONDS)  # the broker is down as well
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
    more = False

    def more_poison(*_: object) -> None:
        nonlocal burst
        burst += BURST

    def more_partitions(*_: object) -> None:
        nonlocal more
        more = True

    signal.signal(signal.SIGUSR2, more_partitions)
    signal.signal(signal.SIGUSR1, more_poison)
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    failed: list[KafkaError] = []
    producer = Producer(
        {
            "bootstrap.servers": broker,
            "enable.idempotence": True,
            "enable.gapless.guarantee": True,
            "message.timeout.ms": 0,  # no timeout: an expired record would be a gap
            "linger.ms": 0,
            "log_level": 0,
            "error_cb": lambda error: failed.append(error) if error.fatal() else None,
            "on_delivery": lambda error, _: failed.append(error) if error else None,
            **RECONNECT,
        }
    )
    pending = next_numbers(broker, topic)
    print(f"Continuing with {pending}.", file=sys.stderr, flush=True)
    started, published = time.monotonic(), 0
    while not stop.is_set() and not failed:
        due = int((time.monotonic() - started) * rate)
        if more:  # until the broker that answers knows them, too
            found = range(_partitions(producer, topic))
            more = len(found) == len(pending)
            pending += found[len(pending) :]
        while published < due:
            number = pending[published % len(pending)]
            poisoned = stream.is_poisoned(number) or burst > 0
            burst -= burst > 0
            producer.produce(
                topic,
                key=id_of(number),
                value=stream.payload(number, poisoned=poisoned),
                headers=[(POISON, b"1")] if poisoned else None,
                partition=partition_of(number),
            )
            pending[partition_of(number)] += STRIDE
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
