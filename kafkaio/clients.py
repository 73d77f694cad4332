"""Constructs every Kafka client, and the configurations that several of them share."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient

from kafkaio.errors import SettingsError
from kafkaio.settings import KafkaSettings

OnError = Callable[[KafkaError], None]
"""Called with each error that a client reports, from within its `poll`, `consume` or `flush`."""


def make_consumer(configuration: Mapping[str, Any]) -> Consumer:
    """Return a consumer, not connected yet.

    Raises:
        SettingsError: if the client does not accept a property.
    """
    with _rejection_explained():
        return Consumer(dict(configuration))


def make_producer(configuration: Mapping[str, Any]) -> Producer:
    """Return a producer, not connected yet.

    Raises:
        SettingsError: if the client does not accept a property.
    """
    with _rejection_explained():
        return Producer(dict(configuration))


# An administration client sends most requests to the broker that it takes for the controller. After
# the loss of that broker it waits for it until it asks for the brokers again, 300 s by default.
ADMIN_REFRESH = {"topic.metadata.refresh.interval.ms": 1000}


def make_admin(configuration: Mapping[str, Any]) -> AdminClient:
    """Return a client for administration, not connected yet.

    Raises:
        SettingsError: if the client does not accept a property.
    """
    with _rejection_explained():
        return AdminClient(ADMIN_REFRESH | dict(configuration))


@contextmanager
def _rejection_explained() -> Iterator[None]:
    try:
        yield
    except KafkaException as error:
        reason = error.args[0].str()
    except (AttributeError, SystemError, TypeError, ValueError) as error:
        # A callback, an object or a text that UTF-8 cannot encode was expected or given.
        reason = str(error)
    else:
        return
    raise SettingsError(f"A Kafka property is not accepted: {reason.strip().rstrip('.')}.")


def producer_configuration(
    settings: KafkaSettings,
    defaults: Mapping[str, object],
    *,
    on_error: OnError,
    required: Mapping[str, object] | None = None,
) -> dict[str, Any]:
    """Return the configuration of a producer that loses and duplicates no record.

    Args:
        settings: how to reach Kafka.
        defaults: properties that the user may override.
        on_error: called with the client's errors.
        required: properties that the user cannot override, besides those that delivery needs.
    """
    delivery = {"enable.idempotence": True, "acks": "all"}
    return settings.client(
        defaults, required={**delivery, **(required or {}), "error_cb": on_error}
    )


def reader_configuration(
    settings: KafkaSettings,
    defaults: Mapping[str, object] | None = None,
    *,
    group: str = "fraudstream-reader",
    on_error: OnError | None = None,
) -> dict[str, Any]:
    """Return the configuration of a consumer that assigns its partitions itself.

    It reads committed records only and joins no group.

    Args:
        settings: how to reach Kafka.
        defaults: properties that the user may override.
        group: whose offsets may be fetched and committed; librdkafka needs a name in any case.
        on_error: called with the client's errors.
    """
    required: dict[str, object] = {
        "group.id": group,
        "isolation.level": "read_committed",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "enable.partition.eof": True,
    }
    if on_error is not None:
        required["error_cb"] = on_error
    chosen = {
        # Where retention has deleted the next records, continue with the oldest that is left.
        "auto.offset.reset": "earliest",
        # The end of a partition is reported by an empty fetch, which takes this long.
        "fetch.wait.max.ms": 100,
        **(defaults or {}),
    }
    return settings.client(chosen, required=required)


# With group.protocol=consumer (KIP-848) these are the broker's to decide, and librdkafka rejects
# them: group.consumer.session.timeout.ms, group.consumer.heartbeat.interval.ms and
# group.consumer.assignors.
_CLASSIC_GROUP = {
    "partition.assignment.strategy": "cooperative-sticky",
    # The group notices a killed member after this long, and its partitions stand still until then:
    # 45 s by default. 6 s is the least that brokers allow by default, and leaves room for four
    # heartbeats.
    "session.timeout.ms": 6000,
    "heartbeat.interval.ms": 1500,
}


def member_settings(
    settings: KafkaSettings,
    group: str,
    *,
    on_error: OnError,
    on_statistics: Callable[[str], None],
) -> dict[str, Any]:
    """Return the configuration of a detector's consumer.

    Args:
        settings: how to reach Kafka.
        group: the consumer group that it joins, by the protocol in `group.protocol`.
        on_error: called with the client's errors.
        on_statistics: called with the client's statistics once a second, as JSON.
    """
    configuration = settings.client(
        {
            **({} if _broker_decides(settings) else _CLASSIC_GROUP),
            # A rebalance waits this long for members that do not answer, 300 s by default. Their
            # session usually ends earlier, but a broker that crashed may forget to check it. The
            # longest time without a poll is a call that hangs until the watchdog ends it, 25 s.
            "max.poll.interval.ms": 30_000,
            # After a backlog has filled the local queue, librdkafka pauses fetching for a second
            # by default; 20 ms keep the loop supplied.
            "fetch.queue.backoff.ms": 20,
            # Partitions that are added to the topic are noticed after this long, 300 s by default.
            # The request is small: it names the subscribed topics only.
            "topic.metadata.refresh.interval.ms": 5000,
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
    # Where to continue without a valid position is decided and reported here, never by librdkafka
    # alone; `starts_at_end` has the user's choice.
    return {**configuration, "auto.offset.reset": "error"}


def _broker_decides(settings: KafkaSettings) -> bool:
    """Return whether the group uses the protocol in which the broker assigns the partitions."""
    return settings.properties.get("group.protocol", "classic").lower() == "consumer"


def starts_at_end(settings: KafkaSettings) -> bool:
    """Return whether a group without committed offsets begins at the end of a topic.

    The Kafka property `auto.offset.reset` chooses that; otherwise it begins at the first record.
    """
    return settings.properties.get("auto.offset.reset") in {"latest", "largest", "end"}
