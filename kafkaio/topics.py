"""Topic administration: create, list and delete topics, and wait until the change is visible."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._metadata import TopicMetadata
from confluent_kafka.cimpl import NewTopic

from kafkaio.clients import make_admin
from kafkaio.connectivity import PROBE_SECONDS, ClientErrors, wait_for_first_answer
from kafkaio.error_codes import AUTHORIZATION_ERRORS, TOPIC_MISSING
from kafkaio.errors import BrokerUnreachableError, TopicAdminError
from kafkaio.partitions import wait_until_served
from kafkaio.settings import KafkaSettings

if TYPE_CHECKING:
    from concurrent.futures import Future

REQUEST_SECONDS = 5.0
"""How long a request may take before Kafka counts as unreachable."""

SETTLE_SECONDS = 30.0
"""How long a change may take to become visible to clients; it takes milliseconds."""

_POLL_SECONDS = 0.02
_UNLIMITED = -1  # Kafka's retention.ms for records that are never deleted by age


@dataclass(frozen=True, slots=True)
class CreatedTopic:
    """The result of creating one topic.

    Attributes:
        name: of the topic.
        created: False if it existed before.
        partitions: how many it has.
    """

    name: str
    created: bool
    partitions: int


def create_topics(
    settings: KafkaSettings,
    names: Iterable[str],
    *,
    partitions: int,
    replication_factor: int = 1,
    retention: timedelta | None,
    minimum_in_sync_replicas: int = 1,
) -> list[CreatedTopic]:
    """Create topics and return when every partition has a leader that accepts records.

    An existing topic is left unchanged, and its own number of partitions is returned.

    Args:
        settings: how to reach Kafka.
        names: of the topics.
        partitions: of each new topic.
        replication_factor: copies of each partition.
        retention: age at which records may be deleted; None to keep them.
        minimum_in_sync_replicas: copies that must have a record before it counts as delivered.

    Raises:
        TopicAdminError: if Kafka rejects a topic.
        BrokerUnreachableError: if Kafka does not answer.
        ConnectionRejectedError: if Kafka rejects the connection.
    """
    if minimum_in_sync_replicas > replication_factor:
        raise TopicAdminError(
            f"min.insync.replicas cannot be {minimum_in_sync_replicas} with a replication factor "
            f"of {replication_factor}: nothing could be written."
        )
    admin = _connect(settings)
    new = [
        NewTopic(
            name,
            num_partitions=partitions,
            replication_factor=replication_factor,
            config={
                "retention.ms": str(_milliseconds(retention)),
                "min.insync.replicas": str(minimum_in_sync_replicas),
            },
        )
        for name in dict.fromkeys(names)
    ]
    futures = admin.create_topics(new, request_timeout=REQUEST_SECONDS) if new else {}
    created = {name: _is_created(name, future) for name, future in futures.items()}
    topics = _await_leaders(admin, settings, list(created))
    return [
        CreatedTopic(name, is_new, len(topics[name].partitions)) for name, is_new in created.items()
    ]


def delete_topics(settings: KafkaSettings, names: Iterable[str]) -> list[str]:
    """Delete topics with their records; return those that existed, once they are gone.

    Raises:
        TopicAdminError: if Kafka rejects the deletion of a topic.
        BrokerUnreachableError: if Kafka does not answer.
        ConnectionRejectedError: if Kafka rejects the connection.
    """
    admin = _connect(settings)
    wanted = list(dict.fromkeys(names))
    futures = admin.delete_topics(wanted, request_timeout=REQUEST_SECONDS) if wanted else {}
    deleted = [name for name, future in futures.items() if _is_deleted(name, future)]
    deadline = time.monotonic() + SETTLE_SECONDS
    while not _metadata(admin, settings).keys().isdisjoint(deleted):
        if time.monotonic() > deadline:
            raise TopicAdminError(
                f"Deleted topics are still listed after {SETTLE_SECONDS:.0f} s: "
                f"{', '.join(deleted)}."
            )
        time.sleep(_POLL_SECONDS)
    return deleted


def list_topics(settings: KafkaSettings) -> dict[str, int]:
    """Return the number of partitions of each topic, by name, without Kafka's internal topics.

    Raises:
        BrokerUnreachableError: if Kafka does not answer.
        ConnectionRejectedError: if Kafka rejects the connection.
    """
    topics = _metadata(_connect(settings), settings)
    return {
        name: len(topic.partitions)
        for name, topic in sorted(topics.items())
        if not name.startswith("__")
    }


def _milliseconds(retention: timedelta | None) -> int:
    return _UNLIMITED if retention is None else retention // timedelta(milliseconds=1)


def _connect(settings: KafkaSettings) -> AdminClient:
    errors = ClientErrors()
    # Every failure is raised here, in one sentence, so librdkafka's own lines are muted.
    admin = make_admin({"log_level": 0, **settings.client(), "error_cb": errors})
    wait_for_first_answer(
        lambda: admin.list_topics(timeout=PROBE_SECONDS),
        admin,
        settings,
        errors,
        patience=REQUEST_SECONDS,
    )
    return admin


def _metadata(admin: AdminClient, settings: KafkaSettings) -> dict[str, TopicMetadata]:
    try:
        return admin.list_topics(timeout=REQUEST_SECONDS).topics
    except KafkaException as error:
        raise BrokerUnreachableError(
            f"Kafka at {settings.broker} does not answer: {_text(error)}."
        ) from error


def _is_created(name: str, future: "Future[None]") -> bool:
    """Wait for a creation; return False if the topic existed."""
    try:
        future.result()
    except KafkaException as error:
        code = error.args[0].code()
        if code == KafkaError.TOPIC_ALREADY_EXISTS:
            return False
        is_denied = code in AUTHORIZATION_ERRORS
        missing = f"; permission Create on topic {name} is missing" if is_denied else ""
        raise TopicAdminError(
            f"Topic {name} cannot be created: {_text(error)}{missing}."
        ) from error
    return True


def _is_deleted(name: str, future: "Future[None]") -> bool:
    """Wait for a deletion; return False if the topic did not exist."""
    try:
        future.result()
    except KafkaException as error:
        if error.args[0].code() in TOPIC_MISSING:
            return False
        raise TopicAdminError(f"Topic {name} cannot be deleted: {_text(error)}.") from error
    return True


def _await_leaders(
    admin: AdminClient, settings: KafkaSettings, names: list[str]
) -> dict[str, TopicMetadata]:
    deadline = time.monotonic() + SETTLE_SECONDS
    _require_visible(admin, names)
    while True:
        topics = _metadata(admin, settings)
        missing = [name for name in names if name not in topics or not _has_leaders(topics[name])]
        if not missing:
            _await_served(admin, {name: topics[name] for name in names})
            return topics
        if time.monotonic() > deadline:
            raise TopicAdminError(
                f"Topics have no leader after {SETTLE_SECONDS:.0f} s: {', '.join(missing)}."
            )
        time.sleep(_POLL_SECONDS)


def _await_served(admin: AdminClient, topics: dict[str, TopicMetadata]) -> None:
    partitions = [(name, number) for name, topic in topics.items() for number in topic.partitions]
    try:
        wait_until_served(admin, partitions, timeout=SETTLE_SECONDS)
    except KafkaException as error:
        raise TopicAdminError(
            f"The leaders of {', '.join(topics)} do not accept requests after "
            f"{SETTLE_SECONDS:.0f} s: {_text(error)}."
        ) from error


def _require_visible(admin: AdminClient, names: list[str]) -> None:
    """Check that Kafka hides none of the topics; a hidden one would be waited for in vain.

    Raises:
        TopicAdminError: if it hides one.
    """
    answers = admin.describe_topics(TopicCollection(names), request_timeout=REQUEST_SECONDS)
    for name, answer in answers.items() if names else ():
        try:
            answer.result()
        except KafkaException as error:
            if error.args[0].code() in AUTHORIZATION_ERRORS:
                raise TopicAdminError(
                    f"Topic {name} is created but hidden from this user; permission Describe on "
                    f"topic {name} is missing."
                ) from error


def _has_leaders(topic: TopicMetadata) -> bool:
    return bool(topic.partitions) and all(
        partition.leader >= 0 for partition in topic.partitions.values()
    )


def _text(error: KafkaException) -> str:
    text: str = error.args[0].str()
    return text.rstrip(".")
