"""Reads whole topics and offsets, patiently: the broker may have been killed a moment ago."""

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, Message, TopicPartition

from kafkaio.clients import make_admin
from kafkaio.partitions import end_offsets as fetch_end_offsets
from kafkaio.partitions import list_partitions
from kafkaio.reading import read_topic
from kafkaio.settings import KafkaSettings

Answer = TypeVar("Answer")

REQUEST_SECONDS = 10.0
# Longer than Kafka takes to abort a transaction that a killed detector left open.
PATIENCE_SECONDS = 60.0


class UnreadableError(Exception):
    """A topic cannot be read to its end, since a transaction in it stays open."""

    exit_code = 1


def read_committed(settings: KafkaSettings, topic: str) -> Iterator[Message]:
    """Yield every committed record, by partition in the order of offsets.

    Raises:
        UnreadableError: if the end cannot be reached.
    """
    _retry(lambda: end_offsets(settings, topic))  # until Kafka answers
    try:
        yield from read_topic(settings, topic, silence_maximum=PATIENCE_SECONDS)
    except KafkaException as error:
        raise UnreadableError(
            f"Topic {topic} was not readable to its end for {PATIENCE_SECONDS:.0f} s: "
            f"{error.args[0].str()}."
        ) from error


def end_offsets(settings: KafkaSettings, topic: str) -> list[int]:
    """Return the end offset of each partition."""
    admin = make_admin(settings.client())

    def fetch() -> list[int]:
        partitions = list_partitions(admin, [topic], timeout=REQUEST_SECONDS)
        ends = fetch_end_offsets(admin, partitions, committed=False, timeout=REQUEST_SECONDS)
        return [ends[partition] for partition in partitions]

    return _retry(fetch)


def committed_offsets(settings: KafkaSettings, topic: str, group: str) -> list[int]:
    """Return the group's committed offset for each partition; negative where there is none."""
    admin = make_admin(settings.client())

    def fetch() -> list[int]:
        partitions = list_partitions(admin, [topic], timeout=REQUEST_SECONDS)
        request = ConsumerGroupTopicPartitions(
            group, [TopicPartition(*partition) for partition in partitions]
        )
        answers = admin.list_consumer_group_offsets([request], require_stable=True)
        offsets = {}
        for answer in answers[group].result(REQUEST_SECONDS).topic_partitions:
            if answer.error is not None:
                raise KafkaException(answer.error)
            offsets[answer.topic, answer.partition] = answer.offset
        return [offsets[partition] for partition in partitions]

    return _retry(fetch)


def _retry(fetch: Callable[[], Answer]) -> Answer:
    """Return Kafka's answer, asking again after an error.

    On a busy machine a broker's own controller may consider it dead for a second or two.

    Raises:
        KafkaException: if there is no answer within `PATIENCE_SECONDS`.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return fetch()
        except KafkaException:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
