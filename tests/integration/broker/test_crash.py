"""A commit that Kafka acknowledged survives a kill at any moment.

Kafka 4.3.0 to 4.4.0 usually fail here: killed between the answer and the markers that end the
transaction in each partition, they restart without the markers (KAFKA-20734).
"""

from confluent_kafka import Consumer, Producer, TopicPartition

from broker.server import EmbeddedBroker
from fraudstream.cache import cache_folder
from kafkaio.settings import KafkaSettings
from kafkaio.topics import create_topics

TOPIC = "committed"
PARTITIONS = 32  # one marker each: the more, the likelier a kill comes before the last
SECONDS = 30.0


def test_a_commit_survives_a_broker_that_is_killed_right_after_it() -> None:
    with EmbeddedBroker(cache=cache_folder("kafka")) as broker:
        settings = KafkaSettings(broker.address)
        create_topics(settings, [TOPIC], partitions=PARTITIONS, retention=None)
        for number in range(1, 4):
            # A new producer id each time: its next commit would complete the last one's markers.
            producer, group = _begin(settings, str(number), offset=number)
            producer.commit_transaction(SECONDS)
            broker.kill()
            group.close()
            broker.restart()
            assert len(_read(settings, count=number * PARTITIONS)) == number * PARTITIONS
            assert _committed_offset(settings) == number


def _begin(settings: KafkaSettings, name: str, *, offset: int) -> tuple[Producer, Consumer]:
    """Write one record to each partition and an offset in a transaction, without committing it."""
    producer = Producer(settings.client({"transactional.id": name}))
    producer.init_transactions(SECONDS)
    producer.begin_transaction()
    for partition in range(PARTITIONS):
        producer.produce(TOPIC, name, partition=partition)
    group = _consumer(settings)
    place = TopicPartition(TOPIC, 0, offset)
    producer.send_offsets_to_transaction([place], group.consumer_group_metadata(), SECONDS)
    producer.flush(SECONDS)
    return producer, group


def _read(settings: KafkaSettings, *, count: int) -> list[bytes | None]:
    """Return the first `count` committed values, or fewer after `SECONDS`."""
    consumer = _consumer(settings)
    consumer.assign([TopicPartition(TOPIC, partition, 0) for partition in range(PARTITIONS)])
    messages = consumer.consume(count, timeout=SECONDS)
    consumer.close()
    return [message.value() for message in messages if message.error() is None]


def _committed_offset(settings: KafkaSettings) -> int:
    consumer = _consumer(settings)
    (place,) = consumer.committed([TopicPartition(TOPIC, 0)], timeout=SECONDS)
    consumer.close()
    return int(place.offset)


def _consumer(settings: KafkaSettings) -> Consumer:
    properties = {"isolation.level": "read_committed", "enable.auto.commit": False}
    return Consumer(settings.client({"group.id": "group", **properties}))
