"""The producer behind a commit: its settings, and how long a commit may take."""

from collections.abc import Callable
from typing import Any

from confluent_kafka import KafkaError

from events.settings import KafkaSettings

# A commit takes milliseconds. One that takes ten seconds is a fault; Kafka then aborts the
# transaction by itself, so that readers of the alerts are held up no longer than this by a
# detector that was killed in the middle of one.
COMMIT_SECONDS = 10.0

# The watchdog lets a commit and the abort after it use up their time, and two seconds more.
WATCHDOG_SECONDS = 2 * COMMIT_SECONDS + 2.0


def producer_settings(
    settings: KafkaSettings,
    *,
    transactional_id: str | None,
    on_error: Callable[[KafkaError], None],
) -> dict[str, Any]:
    """Return the configuration of a producer whose records are committed with offsets.

    Args:
        settings: how to reach Kafka.
        transactional_id: of the one producer that may use it; None for no transactions.
        on_error: hears the client's errors.
    """
    milliseconds = int(COMMIT_SECONDS * 1000)
    required: dict[str, Any] = {"enable.idempotence": True, "acks": "all", "error_cb": on_error}
    if transactional_id is not None:
        required |= {
            "transactional.id": transactional_id,
            "transaction.timeout.ms": milliseconds,
        }
    return settings.client(
        {
            "linger.ms": 0,
            "message.timeout.ms": milliseconds,
            # Back-to-back transactions meet CONCURRENT_TRANSACTIONS while the last one's markers
            # are written; with the default of 100 ms each would wait that long.
            "retry.backoff.ms": 1,
            "retry.backoff.max.ms": 10,
        },
        required=required,
    )
