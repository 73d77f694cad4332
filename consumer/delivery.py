"""Getting results and offsets into Kafka together, or at least in the right order."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from consumer.errors import DeliveryError
from consumer.metrics import Stage
from events.messages import Headers

logger = logging.getLogger(__name__)

# How long a retriable refusal ("coordinator load in progress", say) is left alone.
RETRY_SECONDS = 0.05


class AbortedError(Exception):
    """Nothing of this commit took effect: rewind to the last one and do it again."""


@dataclass(frozen=True, slots=True)
class Record:
    """A record to be written."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


Observe = Callable[[Stage, float], None]
"""Told how many seconds a stage took."""


class Delivery(Protocol):
    """A way to commit."""

    def open(self) -> None:
        """Prepare, at the start and again after Kafka was away; blocks until Kafka answers.

        A new producer each time: one whose broker left the metadata for a moment, as a restarted
        one does, may wait in its next transaction for ever (librdkafka issue 5511).

        Raises:
            DeliveryError: if Kafka refuses for good.
        """

    def commit(self, records: Sequence[Record], offsets: Sequence[TopicPartition]) -> None:
        """Write the records and commit the next-to-read offsets.

        Blocks until Kafka acknowledged both.

        Raises:
            AbortedError: if nothing was committed and the work has to be done again.
            DeliveryError: if this process cannot go on.
        """


class _Committing:
    """What both ways to commit have.

    Args:
        new_producer: makes a producer, at each `open`.
        consumer: whose offsets are committed.
        timeout: seconds for a commit.
        observe: told how long its stages took.
    """

    def __init__(
        self,
        new_producer: Callable[[], Producer],
        consumer: Consumer,
        *,
        timeout: float,
        observe: Observe,
    ) -> None:
        self._new_producer = new_producer
        self._producer: Producer
        self._consumer = consumer
        self._timeout = timeout
        self._observe = observe


class ExactlyOnce(_Committing):
    """Records and offsets in one Kafka transaction.

    A commit, in this order:

    1. begin a transaction;
    2. produce every record (alerts and dead letters) into it;
    3. send it the next-to-read offsets, with the group's metadata: a member whose generation is
       over is fenced here;
    4. commit it, which flushes the records and makes all of it visible at once.

    A retriable refusal is tried again until the deadline; an abortable one aborts the transaction;
    a fatal one ends the process, because its producer can never write again.
    """

    def open(self) -> None:
        """Register the transactional id, which fences an earlier producer of the same id."""
        self._producer = self._new_producer()
        deadline = time.monotonic() + self._timeout
        try:
            _retry(self._producer.init_transactions, deadline)
        except KafkaException as error:
            raise _fatal("Kafka transactions cannot be started", error) from error

    def commit(self, records: Sequence[Record], offsets: Sequence[TopicPartition]) -> None:
        """See the class: one transaction."""
        started = time.monotonic()
        deadline = started + self._timeout
        producer = self._producer
        try:
            producer.begin_transaction()
            for record in records:
                _produce(producer, record, deadline)
            produced = time.monotonic()
            metadata = self._consumer.consumer_group_metadata()
            _retry(
                lambda left: producer.send_offsets_to_transaction(list(offsets), metadata, left),
                deadline,
            )
            _retry(producer.commit_transaction, deadline)
        except KafkaException as error:
            raise self._abort(error) from error
        self._observe(Stage.PRODUCE, produced - started)
        self._observe(Stage.COMMIT, time.monotonic() - produced)

    def _abort(self, cause: KafkaException) -> AbortedError | DeliveryError:
        """Abort the transaction if its error allows it; return what to tell the loop."""
        error = cause.args[0]
        if error.fatal():
            return _fatal("The transaction failed for good", cause)
        logger.warning("Transaction aborted, its work is done again: %s", error.str())
        try:
            _retry(self._producer.abort_transaction, time.monotonic() + self._timeout)
        except KafkaException as second:
            return _fatal("The transaction could not be aborted", second)
        return AbortedError(error.str())


class AtLeastOnce(_Committing):
    """Records first, offsets after: a crash between the two does the work again.

    A commit, in this order:

    1. produce every record (alerts and dead letters);
    2. flush;
    3. verify that each was delivered;
    4. commit the next-to-read offsets.
    """

    def open(self) -> None:
        """Make the producer."""
        self._producer = self._new_producer()

    def commit(self, records: Sequence[Record], offsets: Sequence[TopicPartition]) -> None:
        """See the class: flush, verify, commit."""
        started = time.monotonic()
        deadline = started + self._timeout
        undelivered: list[KafkaError] = []

        def verify(error: KafkaError | None, _message: object) -> None:
            if error is not None:
                undelivered.append(error)

        try:
            for record in records:
                _produce(self._producer, record, deadline, verify)
            unflushed = self._producer.flush(max(0.0, deadline - time.monotonic()))
            if unflushed:
                raise DeliveryError(
                    f"{unflushed} alerts or dead letters were not acknowledged within "
                    f"{self._timeout:g} s; their offsets are not committed."
                )
            if undelivered:
                raise AbortedError(undelivered[0].str())
            produced = time.monotonic()
            self._consumer.commit(offsets=list(offsets), asynchronous=False)
        except KafkaException as error:
            if error.args[0].fatal():
                raise _fatal("Results could not be delivered", error) from error
            raise AbortedError(error.args[0].str()) from error
        self._observe(Stage.PRODUCE, produced - started)
        self._observe(Stage.COMMIT, time.monotonic() - produced)


def _produce(
    producer: Producer,
    record: Record,
    deadline: float,
    on_delivery: Callable[[KafkaError | None, Any], None] | None = None,
) -> None:
    """Hand a record to librdkafka; waits while its queue is full."""
    while True:
        try:
            producer.produce(
                record.topic,
                key=record.key,
                value=record.value,
                headers=list(record.headers),
                on_delivery=on_delivery,
            )
        except BufferError:
            if time.monotonic() >= deadline:
                raise DeliveryError(
                    "Kafka takes no more alerts or dead letters: the producer's queue stayed full."
                ) from None
            producer.poll(RETRY_SECONDS)
        else:
            producer.poll(0)
            return


def _retry(step: Callable[[float], object], deadline: float) -> None:
    """Call the step with the seconds that are left, again while its refusal is retriable."""
    while True:
        try:
            step(max(0.1, deadline - time.monotonic()))
        except KafkaException as error:
            if not error.args[0].retriable() or time.monotonic() >= deadline:
                raise
            time.sleep(RETRY_SECONDS)
        else:
            return


def _fatal(what: str, error: KafkaException) -> DeliveryError:
    return DeliveryError(f"{what}: {error.args[0].str()}.")
