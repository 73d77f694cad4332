"""What both ways to commit have: their producer, its settings, how long a commit may take."""

import time
from collections.abc import Callable
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer

from consumer.commit.sink import CommitHook, Observe, OutputRecord, pass_by
from consumer.errors import CommitError
from kafkaio.settings import KafkaSettings

# A commit takes milliseconds. One that takes ten seconds is a fault; Kafka then aborts the
# transaction by itself, so that readers of the alerts are held up no longer than this by a
# detector that was killed in the middle of one.
COMMIT_SECONDS = 10.0

# The watchdog lets a commit and the abort after it use up their time, and two seconds more.
WATCHDOG_SECONDS = 2 * COMMIT_SECONDS + 2.0

# How long a retriable refusal ("coordinator load in progress", say) is left alone.
RETRY_SECONDS = 0.05


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


class Committing:
    """What both ways to commit have.

    Args:
        new_producer: makes a producer, at each `open`.
        consumer: whose offsets are committed.
        timeout: seconds for a commit.
        observe: told how long its stages took.
        reached: told of each step, so that tests can fail there.
        transactional_id: of the producers, to name it where Kafka refuses it.
        in_group: whether the consumer is a member of its group, and nothing is to be committed
            while it is not; False where it assigns itself what it reads.
        monotonic: seconds for durations and deadlines.
        sleep: waits so many seconds.
    """

    def __init__(
        self,
        new_producer: Callable[[], Producer],
        consumer: Consumer,
        *,
        timeout: float,
        observe: Observe,
        reached: CommitHook = pass_by,
        transactional_id: str | None = None,
        in_group: bool = True,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._new_producer = new_producer
        self._producer: Producer
        self._consumer = consumer
        self._timeout = timeout
        self._observe = observe
        self._reached = reached
        self._transactional_id = transactional_id
        self._in_group = in_group
        self._monotonic = monotonic
        self._sleep = sleep

    def _produce(
        self,
        record: OutputRecord,
        deadline: float,
        on_delivery: Callable[[KafkaError | None, Any], None],
    ) -> None:
        """Hand a record to librdkafka; waits while its queue is full."""
        while True:
            try:
                self._producer.produce(
                    record.topic,
                    key=record.key,
                    value=record.value,
                    headers=list(record.headers),
                    on_delivery=on_delivery,
                    timestamp=record.timestamp or 0,  # 0 is now
                    partition=-1 if record.partition is None else record.partition,
                )
            except BufferError:
                if self._monotonic() >= deadline:
                    raise CommitError(
                        "Kafka takes no more alerts or dead letters: "
                        "the producer's queue stayed full."
                    ) from None
                self._producer.poll(RETRY_SECONDS)
            else:
                self._producer.poll(0)
                return

    def _retry(self, step: Callable[[float], object], deadline: float) -> None:
        """Call the step with the seconds that are left, again while its refusal is retriable."""
        while True:
            try:
                step(max(0.1, deadline - self._monotonic()))
            except KafkaException as error:
                if not error.args[0].retriable() or self._monotonic() >= deadline:
                    raise
                self._sleep(RETRY_SECONDS)
            else:
                return


def collect(undelivered: list[KafkaError]) -> Callable[[KafkaError | None, Any], None]:
    """Return a delivery report that keeps errors."""

    def verify(error: KafkaError | None, _message: object) -> None:
        if error is not None:
            undelivered.append(error)

    return verify


def fatal(what: str, error: KafkaException) -> CommitError:
    """Return why this process cannot go on."""
    return CommitError(f"{what}: {error.args[0].str()}.")


def taken(error: KafkaError) -> CommitError:
    """Return that a right is gone: each was looked for at the start, so it was there then."""
    return CommitError(
        f"Kafka does not let us write or commit any more: {error.str()}. "
        "Started anew, it says what is missing."
    )
