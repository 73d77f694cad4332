"""A replica that missed records becomes the leader: what the others had is gone, and is reported.

It takes three brokers, 1 GB of memory, and waits most of the time.
"""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from broker.cluster import EmbeddedCluster
from broker.server import EmbeddedBroker
from events.codec import decode_journal_entry
from events.topics import Topics
from fraudstream.cache import cache_folder
from kafkaio.reading import read_topic
from kafkaio.settings import KafkaSettings
from kafkaio.topics import create_topics
from tests.support.detector import PATIENCE, DetectorThread, payloads, publish
from tests.support.reading import alerts, rows

TOPICS = Topics("unclean.")
LEADER, FOLLOWER = 1, 2
"""The ids of the brokers with a replica of the input."""


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[EmbeddedCluster]:
    with EmbeddedCluster(cache=cache_folder("kafka"), data=tmp_path) as cluster:
        yield cluster


def make_topics(settings: KafkaSettings) -> None:
    """Create the topics; only the input may lose acknowledged records."""
    create_topics(
        settings,
        [name for name in TOPICS.all() if name != TOPICS.transactions],
        partitions=1,
        retention=None,
        replication_factor=3,
        minimum_in_sync_replicas=2,
    )
    admin = AdminClient(settings.client())
    careless = NewTopic(
        TOPICS.transactions,
        num_partitions=1,
        replica_assignment=[[LEADER, FOLLOWER]],
        config={"unclean.leader.election.enable": "true", "min.insync.replicas": "1"},
    )
    admin.create_topics([careless])[TOPICS.transactions].result(PATIENCE)


def await_leader(settings: KafkaSettings, leader: int, in_sync: list[int]) -> None:
    """Block until the input has this leader and these in-sync replicas."""
    admin = AdminClient(settings.client())
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        topic = admin.list_topics(TOPICS.transactions, timeout=PATIENCE)
        partition = topic.topics[TOPICS.transactions].partitions[0]
        if (partition.leader, partition.isrs) == (leader, in_sync):
            return
        time.sleep(0.1)
    pytest.fail(f"broker {leader} did not become the leader within {PATIENCE:.0f} s")


def send(broker: EmbeddedBroker, number: signal.Signals) -> None:
    """Freeze a broker, or thaw it: that is sooner than a restart."""
    assert broker.pid is not None
    os.kill(broker.pid, number)


def journal(settings: KafkaSettings) -> list[tuple[int, int]]:
    """Return the ranges of offsets that the journal covers, in order; adjacent ones are joined."""
    joined: list[tuple[int, int]] = []
    for message in read_topic(settings, TOPICS.journal):
        entry = decode_journal_entry(message.value())
        if joined and joined[-1][1] == entry.first:
            joined[-1] = (joined[-1][0], entry.next)
        elif entry.first < entry.next:
            joined.append((entry.first, entry.next))
    return joined


def test_an_unclean_election_is_reported_and_what_is_left_is_scored_once(
    cluster: EmbeddedCluster, caplog: pytest.LogCaptureFixture
) -> None:
    settings = KafkaSettings(cluster.address)
    make_topics(settings)
    every = payloads([True] * 40)
    running = DetectorThread(
        settings, TOPICS, group="unclean", journal=True, broker_timeout=PATIENCE
    )
    try:
        publish(settings, TOPICS, every[:10])
        running.wait_for(lambda: running.value("fraud_transactions_scored_total") == 10)
        leader, follower, _ = cluster.brokers
        send(follower, signal.SIGSTOP)
        await_leader(settings, LEADER, [LEADER])
        publish(settings, TOPICS, every[10:30])  # acknowledged, by the leader alone
        running.wait_for(lambda: running.value("fraud_transactions_scored_total") == 30)
        leader.kill()
        send(follower, signal.SIGCONT)  # it missed 20 records, and leads now
        running.wait_for(lambda: running.value("fraud_gaps_total", reason="truncated") == 1)
        publish(settings, TOPICS, every[30:])
        running.wait_for(lambda: running.value("fraud_transactions_scored_total") == 40)
    finally:
        running.stop()
    assert alerts(settings, TOPICS) == rows(*range(40))
    assert journal(settings) == [(0, 30), (10, 20)]
    (error,) = (record for record in caplog.records if record.name == "kafkaio.gaps")
    assert error.levelname == "ERROR"
    assert error.getMessage() == (
        f"Whatever followed offset 29 of {TOPICS.transactions} [0] is lost: the log was truncated "
        "(an unclean leader election); continuing at offset 10."
    )
