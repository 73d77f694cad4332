"""Making Kafka clients, so that a property they do not take is one sentence for its user."""

from collections.abc import Callable, Mapping
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer

from kafkaio.errors import SettingsError
from kafkaio.settings import KafkaSettings


def make_consumer(configuration: Mapping[str, Any]) -> Consumer:
    """Return a consumer; nothing is connected yet.

    Raises:
        SettingsError: if a property is not accepted.
    """
    try:
        return Consumer(dict(configuration))
    except KafkaException as error:
        raise _refusal(error) from error


def make_producer(configuration: Mapping[str, Any]) -> Producer:
    """Return a producer; nothing is connected yet.

    Raises:
        SettingsError: if a property is not accepted.
    """
    try:
        return Producer(dict(configuration))
    except KafkaException as error:
        raise _refusal(error) from error


def _refusal(error: KafkaException) -> SettingsError:
    return SettingsError(
        f"A Kafka property is not accepted: {error.args[0].str()}. See --kafka and --kafka-config."
    )


def member_settings(
    settings: KafkaSettings,
    group: str,
    *,
    on_error: Callable[[KafkaError], None],
    on_statistics: Callable[[str], None],
) -> dict[str, Any]:
    """Return the configuration of a detector's consumer.

    Args:
        settings: how to reach Kafka.
        group: of which it becomes a member.
        on_error: hears the client's errors.
        on_statistics: is told the client's statistics once a second, as JSON.
    """
    return settings.client(
        {
            "auto.offset.reset": "earliest",
            "partition.assignment.strategy": "cooperative-sticky",
            # A member that was killed is missed after this long; its partitions stand still until
            # then, 45 s by default. 6 s is the least that brokers allow unless told otherwise,
            # and four heartbeats fit in.
            "session.timeout.ms": 6000,
            "heartbeat.interval.ms": 1500,
            # A rebalance waits so long for members that do not answer, 300 s by default; usually
            # their session ends before, but a broker that crashed may have forgotten to look. The
            # longest that we read nothing is a commit that hangs, 22 s, or Kafka being away.
            "max.poll.interval.ms": 30_000,
            # After a backlog filled the local queue, librdkafka's default pauses fetching for a
            # second; 20 ms keeps the loop fed.
            "fetch.queue.backoff.ms": 20,
            "statistics.interval.ms": 1000,
        },
        required={
            "group.id": group,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "isolation.level": "read_committed",
            "error_cb": on_error,
            "stats_cb": on_statistics,
        },
    )
