"""Which right a client lacks, where a Kafka lets each user do some things and not others.

Kafka hides topics from those who may not see them, and its refusals name no resource. So what is
allowed is asked before anything is begun. A Kafka without an authorizer allows everything.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

from kafkaio.settings import KafkaSettings

Operation = Literal["Read", "Write", "Describe"]
Kind = Literal["topic", "group", "transactional id"]

AUTHORIZATION_ERRORS = frozenset(
    {
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    }
)
"""What Kafka answers to those who lack a right."""


@dataclass(frozen=True, slots=True)
class Permission:
    """Something that a command must be allowed to do, in the words of `kafka-acls.sh`.

    Attributes:
        operation: what is done.
        kind: of the resource it is done with.
        name: of that resource.
    """

    operation: Operation
    kind: Kind
    name: str


@dataclass(frozen=True, slots=True)
class PermissionReport:
    """What was found of the rights that were asked about.

    Attributes:
        missing: topics that are not there.
        lacking: rights that are not granted.
    """

    missing: tuple[str, ...]
    lacking: tuple[Permission, ...]


class PermissionCheck:
    """Asks Kafka what its user may do.

    Args:
        settings: how to reach Kafka.

    Raises:
        KafkaException: if a property is not accepted.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self._admin = AdminClient(settings.client())

    def look(self, rights: Sequence[Permission], *, timeout: float) -> PermissionReport:
        """Return which of these rights, on topics and groups, are not there to be used.

        A topic that is hidden counts as lacking: whether it is there is not for us to know.

        Raises:
            KafkaException: if Kafka does not answer within so many seconds.
        """
        topics = _names(rights, "topic")
        asked = TopicCollection(topics)
        answers = self._admin.describe_topics(
            asked, include_authorized_operations=True, request_timeout=timeout
        )
        allowed: dict[tuple[str, str], set[str] | None] = {}
        missing = []
        for name, answer in answers.items():
            try:
                allowed["topic", name] = _operations(answer.result())
            except KafkaException as error:
                if error.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                    missing.append(name)
                    allowed["topic", name] = None
                elif error.args[0].code() in AUTHORIZATION_ERRORS:
                    allowed["topic", name] = set()
                else:
                    raise
        for name in _names(rights, "group"):
            allowed["group", name] = self._with_group(name, timeout)
        lacking = [right for right in rights if not _holds(allowed[right.kind, right.name], right)]
        return PermissionReport(tuple(missing), tuple(lacking))

    def _with_group(self, name: str, timeout: float) -> set[str] | None:
        """Return what may be done with a group; None where a new group is not there to tell."""
        answer = self._admin.describe_consumer_groups(
            [name], include_authorized_operations=True, request_timeout=timeout
        )[name]
        try:
            return _operations(answer.result())
        except KafkaException as error:
            return set() if error.args[0].code() in AUTHORIZATION_ERRORS else None


def explain_missing(settings: KafkaSettings, rights: Sequence[Permission]) -> str:
    """Return the sentence that names the rights that are missing, and where to read on."""
    user = settings.properties.get("sasl.username")
    named = ", ".join(f"{right.operation} on {right.kind} {right.name}" for right in rights)
    return (
        f"Kafka at {settings.broker} does not grant {f'user {user}' if user else 'this client'} "
        f"the right {named}; docs/security.md tells how to grant it."
    )


def _names(rights: Sequence[Permission], kind: Kind) -> list[str]:
    return list(dict.fromkeys(right.name for right in rights if right.kind == kind))


def _operations(description: Any) -> set[str] | None:
    """Return the operations that Kafka says are allowed; None where it says nothing of them."""
    told = description.authorized_operations
    return None if told is None else {operation.name for operation in told}


def _holds(allowed: set[str] | None, right: Permission) -> bool:
    return allowed is None or right.operation.upper() in allowed
