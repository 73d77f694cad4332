"""The in-memory Kafka has the rules of a real one: the same schedules end alike on both."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from random import Random
from typing import Any

import pytest

from kafkaio.settings import KafkaSettings
from kafkaio.topics import create_topics, delete_topics
from tests.order.kafkas import SECONDS, KafkaUnderTest, MemoryKafka, RealKafka, outcome

SCHEDULES = 60
CALLS = 12

# Producers and their transactional ids: the first two share one.
SLOTS = {"old": "x", "young": "x", "other": "y"}


@pytest.fixture
def real_kafka(kafka_settings: KafkaSettings) -> Iterator[Callable[[int], RealKafka]]:
    """Return a function that creates topics of their own on the real Kafka."""
    with ExitStack() as stack:

        def make(partitions: int) -> RealKafka:
            prefix = f"rules-{uuid.uuid4().hex[:12]}."
            names = [f"{prefix}in", f"{prefix}out"]
            create_topics(kafka_settings, names, partitions=partitions, retention=None)
            stack.callback(delete_topics, kafka_settings, names)
            return RealKafka(kafka_settings, prefix)

        yield make


def nobody(_event: str, _partitions: list[int]) -> None:
    """Ignore a rebalance."""


def members(kafka: KafkaUnderTest) -> tuple[dict[str, Any], Any]:
    """Return the metadata of current, outdated, former and no member; and the current member."""
    first = kafka.consumer(nobody)
    while not first.assignment():
        first.consume(1, timeout=0.1)
    behind = first.consumer_group_metadata()
    second = kafka.consumer(nobody)
    while not second.assignment():
        first.consume(1, timeout=0.1)
        second.consume(1, timeout=0.1)
    left = second.consumer_group_metadata()
    second.close()
    while len(first.assignment()) < SCHEDULES:
        first.consume(1, timeout=0.1)
    never = kafka.outsider().consumer_group_metadata()
    member = first.consumer_group_metadata()
    return {"in": member, "behind": behind, "left": left, "never": never}, first


def play(
    kafka: KafkaUnderTest, metadata: dict[str, Any], partition: int, schedule: list[list[str]]
) -> Any:
    """Run a schedule; return the outcome of each call."""
    producers: dict[str, Any] = {}
    outcomes = []
    for number, (call, slot, who) in enumerate(schedule):
        if call == "new":
            producers[slot] = kafka.producer(f"{SLOTS[slot]}{partition}")
            outcomes.append(outcome(lambda: producers[slot].init_transactions(SECONDS)))  # noqa: B023 - called at once
        elif slot in producers:
            producer = producers[slot]
            calls = {
                "begin": producer.begin_transaction,
                "write": lambda: kafka.write(producer, f"{partition}-{number}"),  # noqa: B023
                "offsets": lambda: producer.send_offsets_to_transaction(  # noqa: B023
                    [kafka.position(partition, number + 1)],  # noqa: B023
                    metadata[who],  # noqa: B023
                    SECONDS,
                ),
                "commit": lambda: producer.commit_transaction(SECONDS),  # noqa: B023
                "abort": lambda: producer.abort_transaction(SECONDS),  # noqa: B023
            }
            outcomes.append(f"{call} {outcome(calls[call])}")
    # An open transaction would keep readers waiting.
    for slot, producer in producers.items():
        outcomes.append(f"{slot} {outcome(lambda: producer.abort_transaction(SECONDS))}")  # noqa: B023
    return outcomes


def draw(seed: int) -> list[list[str]]:
    """Return a random schedule in which most calls make sense, and some do not."""
    random = Random(seed)
    schedule = [["new", slot, ""] for slot in SLOTS if slot != "young"]
    while len(schedule) < CALLS:
        slot = random.choice(list(SLOTS))
        who = random.choice(["in", "in", "in", "behind", "left", "never"])
        calls = random.choice(
            [
                ["new"],
                ["begin", "write", "offsets", "commit"],
                ["begin", "offsets", "write", "abort"],
                ["begin", "write"],
                ["offsets"],
                ["commit"],
                ["abort"],
            ]
        )
        schedule += [[call, slot, who] for call in calls]
    return schedule


def test_short_schedules_end_alike_on_a_real_kafka(
    real_kafka: Callable[[int], RealKafka],
) -> None:
    results = []
    for kafka in (MemoryKafka(SCHEDULES), real_kafka(SCHEDULES)):
        metadata, member = members(kafka)
        played = [play(kafka, metadata, seed, draw(seed)) for seed in range(SCHEDULES)]
        results.append((played, kafka.keys(), kafka.offsets()))
        member.close()
    (memory, *memory_seen), (real, *real_seen) = results
    for seed in range(SCHEDULES):
        assert memory[seed] == real[seed], draw(seed)
    assert memory_seen == real_seen
    assert all(memory_seen)
