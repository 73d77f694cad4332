"""Error codes of Kafka and librdkafka, grouped by what a client does about them."""
# ruff: noqa: SLF001 - codes that librdkafka itself raises begin with an underscore, but are public

from confluent_kafka import KafkaError

PARTITION_END = KafkaError._PARTITION_EOF
"""Not an error: a consumer with `enable.partition.eof` has read all that is readable."""

REQUEST_TIMED_OUT = KafkaError._TIMED_OUT
"""A request had no answer in time; the next one may have."""

ALL_BROKERS_DOWN = KafkaError._ALL_BROKERS_DOWN
"""No broker is connected; the error before it says why."""

AUTHENTICATION_FAILED = KafkaError._AUTHENTICATION
"""The broker rejects the user or the password."""

TLS_FAILED = KafkaError._SSL
"""The TLS handshake fails."""

PRODUCER_FENCED = KafkaError._FENCED
"""Another producer has taken over this one's transactional id."""

STATE_INVALID = KafkaError._STATE
"""The client does not take this call at present, for example since the transaction has failed."""

PURGED = KafkaError._PURGE_QUEUE
"""The client dropped a record before it was sent, since its transaction has failed already."""

BROKER_AWAY = frozenset({ALL_BROKERS_DOWN, KafkaError._TRANSPORT, KafkaError._RESOLVE})
"""A connection broke or cannot be opened: the broker may be away, or is being restarted."""

CONNECTION_REJECTED = frozenset({AUTHENTICATION_FAILED, TLS_FAILED})
"""The broker is there and rejects the connection; trying again does not help."""

TOPIC_MISSING = frozenset(
    {
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError._UNKNOWN_TOPIC,
        KafkaError._UNKNOWN_PARTITION,
    }
)
"""The topic or the partition does not exist."""

POSITION_INVALID = frozenset({KafkaError._AUTO_OFFSET_RESET, KafkaError._LOG_TRUNCATION})
"""With `auto.offset.reset=error`: there is no record at the position, or no position at all.

librdkafka fetches the partition no more, until it is assigned again.
"""

AUTHORIZATION_ERRORS = frozenset(
    {
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    }
)
"""The user lacks a permission."""

LEADER_MOVING = frozenset(
    {
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.NOT_COORDINATOR,
    }
)
"""A partition or a group is moving to another broker, as during a restart; try again."""


def is_fatal(error: KafkaError) -> bool:
    """Return whether a client can do nothing any more after this error.

    `KafkaError.fatal` alone misses the errors that a consumer returns in place of a record: those
    have the code for fatal errors and not the flag.
    """
    return error.fatal() or error.code() == KafkaError._FATAL
