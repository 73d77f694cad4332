"""How long a detector reads the alerts of a group whose committed offsets have expired.

`python -m benchmarks.operations.outputs [ALERTS]`
"""

import argparse
import time

from confluent_kafka import KafkaError, KafkaException

from broker.server import EmbeddedBroker
from consumer.commit.output_positions import KafkaOutputPositions
from events.codec import encode, source_header
from events.messages import Alert
from events.topics import Topics
from fraudstream.cache import cache_folder
from kafkaio.clients import make_producer, producer_configuration
from kafkaio.settings import KafkaSettings
from kafkaio.topics import create_topics

ALERTS = 1_000_000
PARTITIONS = 3
GROUP, TOPIC_ID = "fraudstream-detector", "x" * 22


def write_alerts(settings: KafkaSettings, topic: str, count: int) -> None:
    """Write so many alerts of the group."""
    producer = make_producer(
        producer_configuration(
            settings,
            {"linger.ms": 20, "queue.buffering.max.messages": 2 * count},
            on_error=lambda _: None,
        )
    )
    headers: list[tuple[str, str | bytes | None]] = [source_header(GROUP, TOPIC_ID)]
    for number in range(count):
        alert = Alert(
            transaction_id=f"row-{number:07d}",
            event_time_ms=1_700_000_000_000,
            detection_time_ms=1_700_000_000_007,
            score=0.98765432,
            threshold=0.51234567,
            model_version="20261127-0123456789ab",
            Amount=123.45,
            partition=number % PARTITIONS,
            offset=number,
        )
        producer.produce(topic, encode(alert), alert.transaction_id, headers=headers)
        producer.poll(0)
    producer.flush()


def read_positions(settings: KafkaSettings, topics: Topics) -> tuple[float, float]:
    """Read as a detector does; return the seconds that it took, and those of processor time."""
    positions = KafkaOutputPositions(settings, topics, GROUP)
    started, used = time.perf_counter(), time.process_time()
    while True:
        try:
            positions.next_offsets(TOPIC_ID, range(PARTITIONS))
        except KafkaException as error:
            if error.args[0].code() != KafkaError._IN_PROGRESS:  # noqa: SLF001 - a public code
                raise
        else:
            return time.perf_counter() - started, time.process_time() - used


def main() -> None:
    """Write the alerts, read them, and print how long that took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("alerts", nargs="?", type=int, default=ALERTS)
    count = parser.parse_args().alerts
    topics = Topics()
    with EmbeddedBroker(cache=cache_folder("kafka")) as broker:
        settings = KafkaSettings(broker.address)
        create_topics(settings, topics.all(), partitions=PARTITIONS, retention=None)
        write_alerts(settings, topics.alerts, count)
        seconds, used = read_positions(settings, topics)
    print(f"{count:,} alerts in {seconds:.1f} s, of which {used:.1f} s of processor time")


if __name__ == "__main__":
    main()
