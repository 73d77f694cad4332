"""The common part of both sinks: their producer, its configuration, how long a commit may take."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer

from consumer.commit.bounded_call import BoundedCall, call_in_thread
from consumer.commit.deadline import Deadline
from consumer.commit.rejections import Adjuster, Adjustment, Deliveries
from consumer.commit.sink import AbortedError, CommitHook, OutputRecord, no_hook
from kafkaio.clients import producer_configuration
from kafkaio.error_codes import AUTHORIZATION_ERRORS
from kafkaio.settings import KafkaSettings

logger = logging.getLogger(__name__)

# A commit takes milliseconds; one that takes ten seconds is a fault. Kafka then aborts the
# transaction by itself, so a detector that is killed in the middle of a commit holds up readers of
# the alerts for no longer than this. Registering a producer may take as long.
COMMIT_SECONDS = 10.0

# Longer than a commit and the registration that it may entail (after rejected records), so that
# what can still be repaired is never killed: a call that has not returned by then is stuck. Shorter
# than max.poll.interval.ms (30 s, kafkaio.clients), so that the process ends before the group
# evicts it.
WATCHDOG_SECONDS = 2 * COMMIT_SECONDS + 5.0

_WRITTEN = {
    Adjustment.TIMESTAMP: "it was written with the present time, and the original in a header",
    Adjustment.SIZE: "only its beginning was written",
}

# The pause before a retriable error ("coordinator load in progress", say) is retried.
RETRY_SECONDS = 0.05

# librdkafka is given at least so long, even by a deadline that is over: 0 would not even try.
SHORTEST_CALL_SECONDS = 0.1


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
        on_error: called with the client's errors.
    """
    milliseconds = int(COMMIT_SECONDS * 1000)
    required: dict[str, object] = {}
    if transactional_id is not None:
        required = {"transactional.id": transactional_id, "transaction.timeout.ms": milliseconds}
    return producer_configuration(
        settings,
        {
            "linger.ms": 0,
            "message.timeout.ms": milliseconds,
            # Back-to-back transactions meet CONCURRENT_TRANSACTIONS while the last one's markers
            # are written; with the default of 100 ms each would wait that long.
            "retry.backoff.ms": 1,
            "retry.backoff.max.ms": 10,
        },
        on_error=on_error,
        required=required,
    )


def _none_missing(_topics: Sequence[str]) -> list[str]:
    return []


def _ignore(_topic: str, _reason: Adjustment) -> None:
    """Count nothing."""


def without_traceback(error: KafkaException) -> KafkaException:
    """Return the error as a cause that keeps no sink, producer or record alive.

    The client does not release the error of a transaction that timed out.
    """
    error.__traceback__ = None
    return error


class KafkaSink:
    """A sink that writes with a producer and commits the offsets of a consumer.

    Args:
        new_producer: makes a producer, at each `open`.
        consumer: whose offsets are committed.
        timeout: seconds that a commit may take; registering a producer may take as long.
        transaction_timeout: seconds after which Kafka aborts a transaction of these producers.
        missing_topics: returns which of these topics do not exist, to explain a failure.
        on_adjusted: called after a commit with the topic of each record that it rejects as it is,
            and the reason.
        hook: called at each step, so that tests can fail there.
        transactional_id: of the producers, to name it when Kafka rejects it.
        bounded: makes the call that may block past its timeout.
        in_group: whether the consumer is a member of its group, and nothing is to be committed
            while it is not; False where it assigns its partitions itself.
        monotonic: seconds for durations and deadlines.
        sleep: waits so many seconds.
    """

    def __init__(
        self,
        new_producer: Callable[[], Producer],
        consumer: Consumer,
        *,
        timeout: float = COMMIT_SECONDS,
        transaction_timeout: float = COMMIT_SECONDS,
        missing_topics: Callable[[Sequence[str]], list[str]] = _none_missing,
        on_adjusted: Callable[[str, Adjustment], None] = _ignore,
        hook: CommitHook = no_hook,
        transactional_id: str | None = None,
        bounded: BoundedCall = call_in_thread,
        in_group: bool = True,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._new_producer = new_producer
        self._current: Producer | None = None
        self._consumer = consumer
        self._timeout = timeout
        self._transaction_timeout = transaction_timeout
        self._missing_topics = missing_topics
        self._on_adjusted = on_adjusted
        self._adjuster = Adjuster()
        self._hook = hook
        self._transactional_id = transactional_id
        self._bounded = bounded
        self._in_group = in_group
        self._monotonic = monotonic
        self._sleep = sleep

    @property
    def _producer(self) -> Producer:
        """The producer.

        It is never kept in a variable, nor as a bound method: the traceback of an error would keep
        it alive, and a producer that is alive goes on sending requests.

        Raises:
            AbortedError: if the sink is not open.
        """
        if self._current is None:
            raise AbortedError("no producer is registered with Kafka")
        return self._current

    @_producer.setter
    def _producer(self, producer: Producer) -> None:
        self._current = producer

    def _close(self) -> None:
        """Destroy the producer without waiting for anything that it has not finished.

        Its last reference goes here. `Producer.close` would abort its transaction first, which
        blocks while Kafka is away.
        """
        if self._current is not None:
            self._current.purge(blocking=False)
            self._current = None

    def _deadline(self) -> Deadline:
        """Return the deadline of a commit, or of registering a producer."""
        return Deadline(self._timeout, self._monotonic)

    def _produce(
        self, records: Sequence[OutputRecord], deadline: Deadline, deliveries: Deliveries
    ) -> None:
        """Hand records to librdkafka.

        Raises:
            KafkaException: if one is larger than the client itself accepts.
        """
        batches: Counter[str] = Counter()
        for record in records:
            limit = self._adjuster.batch_bytes(record.topic)
            if limit is not None:
                if batches[record.topic] + record.size > limit:
                    self._producer.flush(deadline.remaining)
                    batches.clear()
                batches[record.topic] += record.size
            self._produce_one(record, deadline, deliveries)
        self._producer.poll(0)
        if deliveries.reasons:
            raise KafkaException(deliveries.reasons[0].error)

    def _produce_one(
        self, record: OutputRecord, deadline: Deadline, deliveries: Deliveries
    ) -> None:
        """Hand a record to librdkafka; wait while its queue is full."""
        while True:
            try:
                self._producer.produce(
                    record.topic,
                    key=record.key,
                    value=record.value,
                    headers=list(record.headers),
                    on_delivery=deliveries.callback(record),
                    timestamp=record.timestamp or 0,  # 0 is now
                    partition=-1 if record.partition is None else record.partition,
                )
            except BufferError:
                if deadline.is_over:
                    raise AbortedError(
                        f"Kafka accepts no more records for {record.topic}: the producer's queue "
                        "stayed full"
                    ) from None
                self._producer.poll(RETRY_SECONDS)
            except KafkaException as error:
                if error.args[0].code() != KafkaError.MSG_SIZE_TOO_LARGE:
                    raise
                deliveries.fail(record, error.args[0])
                return
            else:
                self._producer.poll(0)
                return

    def _report_adjusted(self) -> None:
        """Report the records of this commit that were adjusted."""
        for record, reason in self._adjuster.adjusted:
            logger.warning(
                "Topic %s rejects the %s of a record; %s. Key: %.100r.",
                record.topic,
                reason,
                _WRITTEN[reason],
                record.key,
            )
            self._on_adjusted(record.topic, reason)
        self._adjuster.adjusted.clear()

    def _explain(
        self, error: KafkaError, records: Sequence[OutputRecord], deliveries: Deliveries
    ) -> str:
        """Return why a commit failed, for the log."""
        failed = deliveries.reasons
        errors = [*(each.error for each in failed), error]
        forbidden = next((each for each in errors if each.code() in AUTHORIZATION_ERRORS), None)
        if forbidden is not None:  # all permissions were there at the start
            return f"Kafka no longer permits writing or committing: {forbidden.str()}"
        missing = self._missing_topics(sorted({record.topic for record in records}))
        if missing:
            return f"topic {' and topic '.join(missing)} does not exist"
        if failed:  # the error of a single record says more
            return f"{failed[0].record.topic}: {failed[0].error.str()}"
        return error.str()

    def _retry(self, step: Callable[[float], object], deadline: Deadline) -> None:
        """Call the step with the seconds that are left, again while its error is retriable."""
        while True:
            try:
                step(max(SHORTEST_CALL_SECONDS, deadline.remaining))
            except KafkaException as error:
                if not error.args[0].retriable() or deadline.is_over:
                    raise
                self._sleep(RETRY_SECONDS)
            else:
                return
