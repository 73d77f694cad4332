"""Failures between a client and Kafka.

KafkaIOError
├── SettingsError             a Kafka property is malformed, not accepted, or not allowed
├── BrokerUnreachableError    no answer at the first attempt: not running, or another address
├── BrokerUnavailableError    no answer for longer than the limit, after it had answered
├── ConnectionRejectedError   Kafka rejects the connection: password, certificate or protocol
├── PermissionMissingError    Kafka does not grant this user a permission that is needed
├── TopicMissingError         a topic does not exist
├── TooFewPartitionsError     a topic has fewer partitions than another one needs it to have
├── TopicAdminError           a topic cannot be created, listed or deleted
└── ClientFailedError         a client reported a fatal error, or gives no answer at all
"""

from errors import FraudstreamError


class KafkaIOError(FraudstreamError):
    """Root of this package's errors."""


class SettingsError(KafkaIOError):
    """A Kafka property is malformed, not accepted by the client, or not allowed here."""


class BrokerUnreachableError(KafkaIOError):
    """Kafka did not answer the first attempt: it is not running, or the address is wrong."""


class BrokerUnavailableError(KafkaIOError):
    """Kafka did not answer for longer than the limit; an orchestrator should restart us."""

    exit_code = 1


class ConnectionRejectedError(KafkaIOError):
    """Kafka answers and rejects the connection: password, certificate or protocol."""


class PermissionMissingError(KafkaIOError):
    """Kafka does not grant this user a permission; the message names it and the resource."""


class TopicMissingError(KafkaIOError):
    """A topic does not exist."""


class TooFewPartitionsError(KafkaIOError):
    """A topic has fewer partitions than the one that it belongs to."""


class TopicAdminError(KafkaIOError):
    """A topic cannot be created, listed or deleted."""


class ClientFailedError(KafkaIOError):
    """A client reported a fatal error: this process cannot continue, a new one can."""

    exit_code = 1
