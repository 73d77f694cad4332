"""Topics of a Kafka: created explicitly, listed, deleted; each change awaited until it is seen."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from broker.errors import NoAnswerError, TopicsError

if TYPE_CHECKING:
    from concurrent.futures import Future

    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient
    from confluent_kafka.admin._metadata import TopicMetadata

REQUEST_SECONDS = 5.0
"""How long an answer may take before the Kafka counts as not reachable."""

SETTLE_SECONDS = 30.0
"""How long a change may take to be seen by clients; it takes milliseconds."""

_FOREVER = -1  # Kafka's retention.ms for records that are never deleted by age


@dataclass(frozen=True, slots=True)
class CreatedTopic:
    """What became of a topic that was to be created.

    Attributes:
        name: of the topic.
        created: False when it was there before.
        partitions: how many it has.
    """

    name: str
    created: bool
    partitions: int


def create_topics(
    client: Mapping[str, Any],
    names: Iterable[str],
    *,
    partitions: int,
    replication_factor: int = 1,
    retention: timedelta | None,
    minimum_in_sync_replicas: int = 1,
) -> list[CreatedTopic]:
    """Create topics and return when every partition has a leader.

    A topic that is there already stays as it is, and its partitions are told.

    Args:
        client: librdkafka configuration of the Kafka.
        names: of the topics.
        partitions: of each new topic.
        replication_factor: copies of each partition.
        retention: age at which records may be deleted; None to keep them.
        minimum_in_sync_replicas: copies that must have a record before it counts as delivered.

    Raises:
        TopicsError: if the Kafka cannot be reached or refuses.
    """
    from confluent_kafka import KafkaError, KafkaException
    from confluent_kafka.cimpl import NewTopic

    if minimum_in_sync_replicas > replication_factor:
        raise TopicsError(
            f"{minimum_in_sync_replicas} replicas in sync (min.isr) cannot be had from "
            f"{replication_factor} (replication factor): nothing could be written."
        )
    admin = _connect(client)
    milliseconds = _FOREVER if retention is None else retention // timedelta(milliseconds=1)
    config = {
        "retention.ms": str(milliseconds),
        "min.insync.replicas": str(minimum_in_sync_replicas),
    }
    new = [
        NewTopic(
            name,
            num_partitions=partitions,
            replication_factor=replication_factor,
            config=config,
        )
        for name in dict.fromkeys(names)
    ]
    created: dict[str, bool] = {}
    futures = admin.create_topics(new, request_timeout=REQUEST_SECONDS) if new else {}
    for name, future in futures.items():
        try:
            future.result()
            created[name] = True
        except KafkaException as error:
            if _code(error) != KafkaError.TOPIC_ALREADY_EXISTS:
                refused = _code(error) == KafkaError.TOPIC_AUTHORIZATION_FAILED
                lacking = f"; the right Create on topic {name} is missing" if refused else ""
                raise TopicsError(
                    f"Topic {name} cannot be created: {_say(error)}{lacking}."
                ) from error
            created[name] = False
    found = _await_leaders(admin, client, list(created))
    return [
        CreatedTopic(name, is_new, len(found[name].partitions)) for name, is_new in created.items()
    ]


def delete_topics(client: Mapping[str, Any], names: Iterable[str]) -> list[str]:
    """Delete topics with their records and return those that were there, once they are gone.

    Raises:
        TopicsError: if the Kafka cannot be reached or refuses.
    """
    from confluent_kafka import KafkaError, KafkaException

    admin = _connect(client)
    deleted: list[str] = []
    wanted = list(dict.fromkeys(names))
    futures: dict[str, Future[None]] = (
        admin.delete_topics(wanted, request_timeout=REQUEST_SECONDS) if wanted else {}
    )
    for name, future in futures.items():
        try:
            future.result()
            deleted.append(name)
        except KafkaException as error:
            if _code(error) != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise TopicsError(f"Topic {name} cannot be deleted: {_say(error)}.") from error
    deadline = time.monotonic() + SETTLE_SECONDS
    while not _metadata(admin, client).keys().isdisjoint(deleted):
        if time.monotonic() > deadline:
            raise TopicsError(f"Topics are still there after {SETTLE_SECONDS:.0f} s.")
        time.sleep(0.02)
    return deleted


def list_topics(client: Mapping[str, Any]) -> dict[str, int]:
    """Return how many partitions each topic has, by name, without Kafka's own topics.

    Raises:
        TopicsError: if the Kafka cannot be reached.
    """
    found = _metadata(_connect(client), client)
    return {
        name: len(topic.partitions)
        for name, topic in sorted(found.items())
        if not name.startswith("__")
    }


def _connect(client: Mapping[str, Any]) -> "AdminClient":
    from confluent_kafka import KafkaError, KafkaException
    from confluent_kafka.admin import AdminClient

    heard: list[KafkaError] = []
    try:
        # What goes wrong is raised here, in a sentence; librdkafka's own lines are left out.
        configuration: dict[str, Any] = {"log_level": 0, **client, "error_cb": heard.append}
        admin = AdminClient(configuration)
    except KafkaException as error:
        raise TopicsError(f"Kafka's settings are not right: {_say(error)}.") from error
    try:
        _metadata(admin, client)
    except NoAnswerError as error:
        admin.poll(0)  # lets the callback run
        told = (it for it in heard if it.code() in {KafkaError._AUTHENTICATION, KafkaError._SSL})  # noqa: SLF001 - public, so written
        error.heard = next(told, None)
        raise
    return admin


def _metadata(admin: "AdminClient", client: Mapping[str, Any]) -> dict[str, "TopicMetadata"]:
    from confluent_kafka import KafkaException

    try:
        return admin.list_topics(timeout=REQUEST_SECONDS).topics
    except KafkaException as error:
        raise NoAnswerError(
            f"No Kafka answers at {client['bootstrap.servers']} ({_say(error)}); is it running? "
            f"'fraudstream broker' starts one, --broker HOST:PORT names another."
        ) from error


def _await_leaders(
    admin: "AdminClient", client: Mapping[str, Any], names: list[str]
) -> dict[str, "TopicMetadata"]:
    deadline = time.monotonic() + SETTLE_SECONDS
    _require_seen(admin, names)
    while True:
        found = _metadata(admin, client)
        missing = [name for name in names if name not in found or not _is_led(found[name])]
        if not missing:
            return found
        if time.monotonic() > deadline:
            raise TopicsError(
                f"Topics have no leader after {SETTLE_SECONDS:.0f} s: {', '.join(missing)}."
            )
        time.sleep(0.02)


def _require_seen(admin: "AdminClient", names: list[str]) -> None:
    """See that Kafka does not hide the topics: what is hidden could be awaited for ever."""
    from confluent_kafka import KafkaError, KafkaException, TopicCollection

    answers = admin.describe_topics(TopicCollection(names), request_timeout=REQUEST_SECONDS)
    for name, answer in answers.items() if names else ():
        try:
            answer.result()
        except KafkaException as error:
            if _code(error) == KafkaError.TOPIC_AUTHORIZATION_FAILED:
                raise TopicsError(
                    f"Topic {name} is made, but cannot be seen; the right Describe on topic {name} "
                    "is missing."
                ) from error


def _is_led(topic: "TopicMetadata") -> bool:
    return bool(topic.partitions) and all(it.leader >= 0 for it in topic.partitions.values())


def _code(error: "KafkaException") -> int:
    code: int = error.args[0].code()
    return code


def _say(error: "KafkaException") -> str:
    text: str = error.args[0].str()
    return text.rstrip(".")
