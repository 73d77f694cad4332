"""Three embedded nodes are one cluster, which survives the loss of any of them."""

import time
from pathlib import Path

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from broker.cluster import EmbeddedCluster
from fraudstream.cache import cache_folder
from kafkaio.reading import read_topic
from kafkaio.settings import KafkaSettings
from kafkaio.topics import create_topics

TOPIC = "kept"
SECONDS = 60.0


def test_a_cluster_survives_the_loss_of_a_node_and_of_its_disk(tmp_path: Path) -> None:
    with EmbeddedCluster(cache=cache_folder("kafka"), data=tmp_path) as cluster:
        settings = KafkaSettings(cluster.address)
        create_topics(
            settings,
            [TOPIC],
            partitions=3,
            retention=None,
            replication_factor=3,
            minimum_in_sync_replicas=2,
        )
        _commit(settings, b"before")
        lost, *_ = cluster.brokers
        lost.kill()
        _commit(settings, b"without")
        lost.wipe()
        lost.restart()
        while _in_sync_replicas(settings) != {3}:
            time.sleep(0.1)
        values = sorted(record.value() or b"" for record in read_topic(settings, TOPIC))
        assert values == [b"before", b"without"]


def _commit(settings: KafkaSettings, value: bytes) -> None:
    """Write a record in a transaction, of which two replicas must have each part."""
    producer = Producer(settings.client({"transactional.id": "one"}))
    producer.init_transactions(SECONDS)
    producer.begin_transaction()
    producer.produce(TOPIC, value)
    producer.commit_transaction(SECONDS)


def _in_sync_replicas(settings: KafkaSettings) -> set[int]:
    """Return how many in-sync replicas the partitions have, also of Kafka's own topics."""
    topics = AdminClient(settings.client()).list_topics(timeout=SECONDS).topics.values()
    return {len(part.isrs) for topic in topics for part in topic.partitions.values()}
