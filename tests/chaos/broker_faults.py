"""Faults of the brokers: stopped, killed, frozen, cut off, extended by partitions."""

import os
import signal
import time
from collections import Counter
from collections.abc import Generator
from functools import partial
from random import Random

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions

from broker.server import EmbeddedBroker
from tests.chaos.proxy import NetworkConditions
from tests.chaos.system import Fault, System, Wait, in_background

OUTAGE_SECONDS = (5.0, 5.0, 5.0, 5.0, 5.0, 10.0, 20.0, 60.0)
# Longer than the cluster needs to notice a lost broker (broker.session.timeout.ms, 6 s) and to
# elect new leaders.
LOST_SECONDS = (12.0, 18.0)
# Less than the detectors' --broker-timeout (tests.chaos.detector), with the time that two brokers
# take to start.
TWO_DOWN_SECONDS = (3.0, 10.0)
REQUEST_SECONDS = 5.0
REPLICATION_SECONDS = 120.0
MAXIMUM_PARTITIONS = 6  # with more, each has too few alerts a second to measure by


def stop(longest: float, system: System, random: Random) -> Fault:
    """Shut a broker down, and restart it after 5 s or more."""
    broker = random.choice(system.brokers)
    seconds = min(longest, random.choice(OUTAGE_SECONDS))
    since = time.time()
    yield from in_background(broker.shut_down)
    yield from system.pause(seconds)
    yield from in_background(broker.restart)
    yield from replicated(system)
    return since if len(system.brokers) > 1 else time.time()


def kill(system: System, random: Random) -> Fault:
    """Kill a broker and restart it."""
    broker = random.choice(system.brokers)
    since = time.time()
    yield from in_background(broker.kill)
    yield from system.pause(random.uniform(0.0, 3.0))
    yield from in_background(broker.restart)
    yield from replicated(system)
    return since if len(system.brokers) > 1 else time.time()


def kill_leader(system: System, random: Random) -> Fault:
    """Kill the broker that leads most partitions; restart it when others lead them."""
    broker = yield from _leader(system)
    since = time.time()
    yield from in_background(broker.kill)
    yield from system.pause(random.uniform(*LOST_SECONDS))
    yield from in_background(broker.restart)
    yield from replicated(system)
    return since


def freeze(system: System, random: Random) -> Fault:
    """Stop the broker that leads most partitions; let it go on when others lead them."""
    broker = yield from _leader(system)
    assert broker.pid is not None
    since = time.time()
    os.kill(broker.pid, signal.SIGSTOP)
    try:
        yield from system.pause(random.uniform(*LOST_SECONDS))
    finally:
        os.kill(broker.pid, signal.SIGCONT)
    yield from replicated(system)
    return since


def isolate(system: System, random: Random) -> Fault:
    """Cut the broker that leads most partitions off from the other brokers, not from detectors."""
    broker = yield from _leader(system)
    since = time.time()
    system.network.isolate(broker)
    yield from system.pause(random.uniform(*LOST_SECONDS))
    system.network.heal()
    yield from replicated(system)
    return since


def hide(system: System, random: Random) -> Fault:
    """Cut the broker that leads most partitions off from the detectors, not from other brokers."""
    broker = yield from _leader(system)
    system.network.apply(NetworkConditions(accepting=False), only=broker)
    yield from system.pause(random.uniform(5.0, 12.0))
    system.network.heal()
    return time.time()


def stop_two(system: System, random: Random) -> Fault:
    """Kill two of three brokers, so that nothing can be written, and restart them."""
    two = random.sample(list(system.brokers), 2)
    for broker in two:
        yield from in_background(broker.kill)
    yield from system.pause(random.uniform(*TWO_DOWN_SECONDS))
    yield from in_background(*(broker.restart for broker in two))
    since = time.time()
    yield from replicated(system)
    return since


def roll(system: System, random: Random) -> Fault:
    """Restart one broker after the other, in an orderly way."""
    since = time.time()
    for broker in random.sample(list(system.brokers), len(system.brokers)):
        since = time.time()
        yield from in_background(broker.shut_down)
        yield from in_background(broker.restart)
        yield from replicated(system)
    return since


def replace_disk(system: System, random: Random) -> Fault:
    """Kill a broker, and restart it with an empty disk."""
    broker = random.choice(system.brokers)
    since = time.time()
    yield from in_background(broker.kill)
    yield from system.pause(random.uniform(*LOST_SECONDS))
    broker.wipe()
    yield from in_background(broker.restart)
    yield from replicated(system)
    return since


def add_partition(system: System, random: Random) -> Fault:
    """Add a partition to the journal, the alerts and the input, in this order."""
    count = system.input.expected + 1
    if count > MAXIMUM_PARTITIONS:
        return None
    topics = system.topics
    for topic in (topics.journal, topics.alerts, topics.transactions):
        yield from in_background(partial(_extend, system, topic, count))
    since = time.time()
    system.alerts.extend(count)
    system.input.extend(count)
    while not system.publisher.steady:  # one that starts finds the partitions itself
        yield
    system.publisher.send(signal.SIGUSR2)
    return since


def _extend(system: System, topic: str, count: int) -> None:
    admin = AdminClient(system.settings.client())
    admin.create_partitions([NewPartitions(topic, count)])[topic].result(10 * REQUEST_SECONDS)


def replicated(system: System) -> Wait:
    """Wait until every partition, also of Kafka's own topics, is in sync on every broker.

    Otherwise the next fault would not be the loss of one replica.
    """
    deadline = time.monotonic() + REPLICATION_SECONDS
    while len(system.brokers) > 1 and time.monotonic() < deadline and not system.stopped():
        counts: list[int] = []
        yield from in_background(lambda: counts.extend(_in_sync(system)))  # noqa: B023 - awaited
        if counts and min(counts) == len(system.brokers):
            return
        yield from system.pause(0.2)


def _in_sync(system: System) -> list[int]:
    """Return how many replicas of each partition are in sync; none if Kafka does not answer."""
    try:
        topics = AdminClient(system.settings.client()).list_topics(timeout=REQUEST_SECONDS).topics
    except KafkaException:
        return []
    return [len(part.isrs) for topic in topics.values() for part in topic.partitions.values()]


def _leader(system: System) -> Generator[None, None, EmbeddedBroker]:
    """Find the broker that leads most partitions."""
    found: list[int] = []

    def find() -> None:
        admin = AdminClient(system.settings.client())
        topics = admin.list_topics(timeout=10 * REQUEST_SECONDS).topics.values()
        leaders = Counter(part.leader for topic in topics for part in topic.partitions.values())
        del leaders[-1]  # no leader at present
        found.append(leaders.most_common(1)[0][0])

    yield from in_background(find)
    return system.brokers[found[0] - 1]
