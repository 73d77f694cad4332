"""Detectors for a test."""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from broker.server import EmbeddedBroker
from events.topics import Topics
from fraudstream.cache import cache_folder
from kafkaio.settings import KafkaSettings
from kafkaio.topics import create_topics
from tests.support.committing import Group
from tests.support.detector import PATIENCE, DetectorThread
from tests.support.reading import PARTITIONS
from tests.support.standstill import Standstill

# Kafka looks for transactions that have timed out every 10 s; here it does so all the time.
QUICK = {"transaction.abort.timed.out.transaction.cleanup.interval.ms": "100"}


@pytest.fixture
def detect(
    kafka_settings: KafkaSettings, topics: Topics
) -> Iterator[Callable[..., DetectorThread]]:
    """Start detectors of one group; stop those that still run at the end."""
    group = f"test-{uuid.uuid4().hex[:12]}"
    started: list[DetectorThread] = []

    def start(settings: KafkaSettings = kafka_settings, **changes: Any) -> DetectorThread:
        started.append(DetectorThread(settings, topics, group=group, **changes))
        return started[-1]

    yield start
    for running in started:
        running.stopping.set()
        running.thread.join(PATIENCE)


@pytest.fixture
def standstill(
    detect: Callable[..., DetectorThread], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Standstill]:
    """A place to pause at; released before the detectors are stopped."""
    # A pause in a commit must not make the watchdog end the process, which is pytest's.
    monkeypatch.setattr("consumer.detector.service.WATCHDOG_SECONDS", 10 * PATIENCE)
    place = Standstill()
    yield place
    place.release()


@pytest.fixture(scope="session")
def own_broker() -> Iterator[EmbeddedBroker]:
    """A Kafka for these tests alone, to be frozen and killed."""
    with EmbeddedBroker(cache=cache_folder("kafka"), properties=QUICK) as broker:
        yield broker


@pytest.fixture
def own_settings(own_broker: EmbeddedBroker) -> KafkaSettings:
    return KafkaSettings(own_broker.address)


@pytest.fixture
def own_topics(own_settings: KafkaSettings) -> Topics:
    topics = Topics(f"test-{uuid.uuid4().hex[:12]}.")
    create_topics(own_settings, topics.all(), partitions=PARTITIONS, retention=None)
    return topics


@pytest.fixture
def group(own_settings: KafkaSettings, own_topics: Topics) -> Iterator[Group]:
    members = Group(own_settings, own_topics)
    yield members
    members.close()
