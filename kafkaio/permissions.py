"""Which permissions a client lacks, where Kafka has an authorizer.

Kafka hides topics from users without permissions, and its errors do not name the resource. So the
permissions are checked before work begins. Without an authorizer Kafka allows everything.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from confluent_kafka import KafkaError, KafkaException, TopicCollection, TopicPartition

from kafkaio.clients import make_admin, make_consumer
from kafkaio.error_codes import AUTHORIZATION_ERRORS
from kafkaio.errors import BrokerUnavailableError, PermissionMissingError, TopicMissingError
from kafkaio.settings import KafkaSettings

Operation = Literal["Read", "Write", "Describe"]
Kind = Literal["topic", "group", "transactional id"]

# Topics may be created while we start.
TOPICS_SECONDS = 5.0
_LOOK_SECONDS = 0.1
_ANSWER_SECONDS = 10.0

# How long one request may take. A request that meets a broker's end is sent again.
_REQUEST_SECONDS = 3.0
_SLICE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Permission:
    """An operation on a resource, in the terms of `kafka-acls.sh`.

    Attributes:
        operation: what is done.
        kind: of the resource.
        name: of the resource.
    """

    operation: Operation
    kind: Kind
    name: str


@dataclass(frozen=True, slots=True)
class PermissionReport:
    """The result of a check.

    Attributes:
        missing_topics: topics that do not exist.
        missing_permissions: permissions that are not granted.
    """

    missing_topics: tuple[str, ...]
    missing_permissions: tuple[Permission, ...]


class PermissionCheck:
    """Asks Kafka what its user is allowed to do.

    Args:
        settings: how to reach Kafka.

    Raises:
        SettingsError: if a property is not accepted.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._admin = make_admin(settings.client())

    def report(self, permissions: Sequence[Permission], *, timeout: float) -> PermissionReport:
        """Return which of these permissions, and which of their topics, are missing.

        A hidden topic counts as a missing permission, since it may exist or not.

        Raises:
            KafkaException: if Kafka does not answer within so many seconds.
        """
        answers = self._admin.describe_topics(
            TopicCollection(_names(permissions, "topic")),
            include_authorized_operations=True,
            request_timeout=timeout,
        )
        allowed: dict[tuple[str, str], set[str] | None] = {}
        missing_topics = []
        for name, answer in answers.items():
            try:
                allowed["topic", name] = _operations(answer.result())
            except KafkaException as error:
                if error.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                    missing_topics.append(name)
                    allowed["topic", name] = None
                elif error.args[0].code() in AUTHORIZATION_ERRORS:
                    allowed["topic", name] = set()
                else:
                    raise
        for name in _names(permissions, "group"):
            may_use = self._may_use_group(name, next(iter(answers), name), timeout)
            allowed["group", name] = None if may_use else set()
        missing = [
            permission
            for permission in permissions
            if not _allows(allowed[permission.kind, permission.name], permission)
        ]
        return PermissionReport(tuple(missing_topics), tuple(missing))

    def _may_use_group(self, name: str, topic: str, timeout: float) -> bool:
        """Return whether a group's offsets may be fetched.

        A member fetches them in the same way. The administrator's requests about groups are no
        alternative: librdkafka ends the process with SIGABRT if a broker goes away meanwhile
        (issues 4605 and 3663).
        """
        errors: list[KafkaError] = []
        required = {
            "group.id": name,
            "enable.auto.commit": False,
            "error_cb": errors.append,
            # Otherwise the answer waits for a transaction that a killed process left open.
            "isolation.level": "read_uncommitted",
        }
        consumer = make_consumer(self._settings.client(required=required))
        end = time.monotonic() + timeout
        try:
            while True:
                try:
                    consumer.committed([TopicPartition(topic, 0)], timeout=_SLICE_SECONDS)
                except KafkaException as error:
                    message = consumer.poll(0)  # the cause, if the group cannot be looked up
                    cause = None if message is None else message.error()
                    errors += [error.args[0]] if cause is None else [error.args[0], cause]
                    if KafkaError.GROUP_AUTHORIZATION_FAILED in {each.code() for each in errors}:
                        return False
                    if time.monotonic() >= end:
                        raise
                else:
                    return True
        finally:
            consumer.close()


def require_permissions(
    settings: KafkaSettings,
    permissions: Sequence[Permission],
    *,
    stopped: Callable[[], bool] = lambda: False,
    patience: float = TOPICS_SECONDS,
    answer_within: float = _ANSWER_SECONDS,
) -> None:
    """Check that topics exist and that Kafka grants these permissions on topics and groups.

    Args:
        settings: how to reach Kafka.
        permissions: what is needed.
        stopped: polled several times a second; True ends the wait.
        patience: seconds to wait for topics, which may be created while we start.
        answer_within: seconds after which to give up if Kafka does not answer.

    Raises:
        TopicMissingError: naming the topics that do not exist.
        PermissionMissingError: naming the permissions that are not granted.
        BrokerUnavailableError: if Kafka does not answer in time.
    """
    started = time.monotonic()
    deadline = started + patience
    check = PermissionCheck(settings)
    while not stopped():
        try:
            report = check.report(permissions, timeout=_REQUEST_SECONDS)
        except KafkaException as error:
            if time.monotonic() - started >= answer_within:
                raise BrokerUnavailableError(
                    f"Kafka at {settings.broker} does not answer: {error.args[0].str()}."
                ) from error
            time.sleep(_LOOK_SECONDS)
            continue
        if not report.missing_topics or report.missing_permissions or time.monotonic() >= deadline:
            require_granted(settings, report)
            return
        time.sleep(_LOOK_SECONDS)


def require_granted(settings: KafkaSettings, report: PermissionReport) -> None:
    """Raise an error if anything is missing.

    Raises:
        PermissionMissingError: naming the permissions.
        TopicMissingError: naming the topics.
    """
    if report.missing_permissions:
        raise PermissionMissingError(explain_missing(settings, report.missing_permissions))
    if report.missing_topics:
        raise TopicMissingError(
            f"Kafka at {settings.broker} has no topic "
            f"{' and no topic '.join(report.missing_topics)}."
        )


def explain_missing(settings: KafkaSettings, permissions: Sequence[Permission]) -> str:
    """Return a sentence that names the missing permissions and where to read how to grant them."""
    user = settings.properties.get("sasl.username")
    named = ", ".join(
        f"{permission.operation} on {permission.kind} {permission.name}"
        for permission in permissions
    )
    return (
        f"Kafka at {settings.broker} does not grant {f'user {user}' if user else 'this client'} "
        f"the permission {named}; docs/security.md explains how to grant it."
    )


def _names(permissions: Sequence[Permission], kind: Kind) -> list[str]:
    return list(
        dict.fromkeys(permission.name for permission in permissions if permission.kind == kind)
    )


def _operations(description: Any) -> set[str] | None:
    """Return the operations that Kafka allows; None where it does not report them."""
    authorized = description.authorized_operations
    return None if authorized is None else {operation.name for operation in authorized}


def _allows(operations: set[str] | None, permission: Permission) -> bool:
    return operations is None or permission.operation.upper() in operations
