"""Making Kafka clients, so that a property they do not take is one sentence for its user."""

from collections.abc import Mapping
from typing import Any

from confluent_kafka import Consumer, KafkaException, Producer

from consumer.errors import ConsumerError


def make_consumer(configuration: Mapping[str, Any]) -> Consumer:
    """Return a consumer; nothing is connected yet.

    Raises:
        ConsumerError: if a property is not accepted.
    """
    try:
        return Consumer(dict(configuration))
    except KafkaException as error:
        raise _refusal(error) from error


def make_producer(configuration: Mapping[str, Any]) -> Producer:
    """Return a producer; nothing is connected yet.

    Raises:
        ConsumerError: if a property is not accepted.
    """
    try:
        return Producer(dict(configuration))
    except KafkaException as error:
        raise _refusal(error) from error


def _refusal(error: KafkaException) -> ConsumerError:
    return ConsumerError(
        f"A Kafka property is not accepted: {error.args[0].str()}. See --kafka and --kafka-config."
    )
