"""Getting results and offsets into Kafka together, or at least in the right order."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from consumer.errors import DeliveryError, RightMissingError
from consumer.metrics import Stage
from events.messages import Headers
from events.rights import REFUSALS

logger = logging.getLogger(__name__)

# How long a retriable refusal ("coordinator load in progress", say) is left alone.
RETRY_SECONDS = 0.05

# Each right is looked for at the start, so it was there then.
_TAKEN = (
    "Kafka does not let us write or commit any more: {}. Started anew, it says what is missing."
)


class AbortedError(Exception):
    """Nothing of this commit took effect: rewind to the last one and do it again."""


@dataclass(frozen=True, slots=True)
class Record:
    """A record to be written.

    Attributes:
        topic: where to.
        key: as in Kafka, likewise `value` and `headers`.
        timestamp: milliseconds since the epoch; None for the moment of writing.
        partition: where in the topic; None for where its key says.
    """

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    timestamp: int | None = None
    partition: int | None = None


class Step(StrEnum):
    """A place in a commit at which a fault makes a difference."""

    BEGIN = "begin"
    PRODUCE = "produce"
    OFFSETS = "offsets"
    COMMIT = "commit"
    DONE = "done"


Observe = Callable[[Stage, float], None]
"""Told how many seconds a stage took."""

Reached = Callable[[Step], None]
"""Told just before a step of a commit is taken, and of `Step.DONE` just after the last one."""


def pass_by(_step: Step) -> None:
    """Do nothing at a step: what `Reached` is unless faults are wanted."""


class Delivery(Protocol):
    """A way to commit."""

    def open(self) -> None:
        """Prepare, at the start and when the last producer may be stuck; waits for Kafka.

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
        reached: Reached = pass_by,
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
        record: Record,
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
                    raise DeliveryError(
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


class ExactlyOnce(_Committing):
    """Records and offsets in one Kafka transaction.

    Two zombies are fenced, each in its own way: a process that the group threw out by the group's
    generation, and a process that was started again by the transactional id, which one producer
    has at a time.

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
        deadline = self._monotonic() + self._timeout
        try:
            self._retry(self._producer.init_transactions, deadline)
        except KafkaException as error:
            if error.args[0].code() == KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
                raise RightMissingError(
                    "Kafka does not grant the right Write on transactional id "
                    f"{self._transactional_id}; docs/security.md tells how to grant it."
                ) from error
            raise _fatal("Kafka transactions cannot be started", error) from error

    def commit(self, records: Sequence[Record], offsets: Sequence[TopicPartition]) -> None:
        """See the class: one transaction."""
        started = self._monotonic()
        deadline = started + self._timeout
        producer = self._producer
        undelivered: list[KafkaError] = []
        try:
            self._reached(Step.BEGIN)
            producer.begin_transaction()
            self._reached(Step.PRODUCE)
            for record in records:
                self._produce(record, deadline, _collect(undelivered))
            produced = self._monotonic()
            self._reached(Step.OFFSETS)
            metadata = self._membership()
            self._retry(
                lambda left: producer.send_offsets_to_transaction(list(offsets), metadata, left),
                deadline,
            )
            self._reached(Step.COMMIT)
            self._retry(producer.commit_transaction, deadline)
        except KafkaException as error:
            raise self._abort(error, undelivered) from error
        self._reached(Step.DONE)
        self._observe(Stage.PRODUCE, produced - started)
        self._observe(Stage.COMMIT, self._monotonic() - produced)

    def _membership(self) -> object:
        """Return what tells Kafka who we are in the group, and in which generation.

        librdkafka may hear that the group threw us out, and forget our id, before we do; and Kafka
        takes transactional offsets that name neither member nor generation from anybody.

        Raises:
            KafkaException: if we are out of the group; the transaction has to be aborted.
        """
        metadata = self._consumer.consumer_group_metadata()
        if self._in_group and not self._consumer.memberid():
            raise KafkaException(
                KafkaError(
                    KafkaError.UNKNOWN_MEMBER_ID,
                    "Not a member of the group at present",
                    txn_requires_abort=True,
                )
            )
        return metadata

    def _abort(
        self, cause: KafkaException, undelivered: Sequence[KafkaError]
    ) -> AbortedError | DeliveryError:
        """Abort the transaction if its error allows it; return what to tell the loop."""
        error = cause.args[0]
        if error.fatal():
            return _fatal("The transaction failed for good", cause)
        self._producer.poll(0)  # what became of single records tells more than the transaction
        refused = [it for it in (*undelivered, error) if it.code() in REFUSALS]
        if not refused:
            logger.warning("Transaction aborted, its work is done again: %s", error.str())
        try:
            self._retry(self._producer.abort_transaction, self._monotonic() + self._timeout)
        except KafkaException as second:
            return _fatal("The transaction could not be aborted", second)
        if refused:
            return DeliveryError(_TAKEN.format(refused[0].str()))
        # A producer one of whose records was refused may hang in its next transaction, because
        # its sequence numbers have a gap then.
        self.open()
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
        started = self._monotonic()
        deadline = started + self._timeout
        undelivered: list[KafkaError] = []
        try:
            self._reached(Step.PRODUCE)
            for record in records:
                self._produce(record, deadline, _collect(undelivered))
            unflushed = self._producer.flush(max(0.0, deadline - self._monotonic()))
            if unflushed:
                raise DeliveryError(
                    f"{unflushed} alerts or dead letters were not acknowledged within "
                    f"{self._timeout:g} s; their offsets are not committed."
                )
            if undelivered:
                if undelivered[0].code() in REFUSALS:
                    raise DeliveryError(_TAKEN.format(undelivered[0].str()))
                raise AbortedError(undelivered[0].str())
            produced = self._monotonic()
            self._reached(Step.OFFSETS)
            self._consumer.commit(offsets=list(offsets), asynchronous=False)
        except KafkaException as error:
            if error.args[0].code() in REFUSALS:
                raise DeliveryError(_TAKEN.format(error.args[0].str())) from error
            if error.args[0].fatal():
                raise _fatal("Results could not be delivered", error) from error
            raise AbortedError(error.args[0].str()) from error
        self._reached(Step.DONE)
        self._observe(Stage.PRODUCE, produced - started)
        self._observe(Stage.COMMIT, self._monotonic() - produced)


def _collect(undelivered: list[KafkaError]) -> Callable[[KafkaError | None, Any], None]:
    """Return a delivery report that keeps errors."""

    def verify(error: KafkaError | None, _message: object) -> None:
        if error is not None:
            undelivered.append(error)

    return verify


def _fatal(what: str, error: KafkaException) -> DeliveryError:
    return DeliveryError(f"{what}: {error.args[0].str()}.")
