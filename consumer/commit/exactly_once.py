"""Committing exactly once: records and offsets in one Kafka transaction."""

import logging
from collections.abc import Sequence

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from consumer.commit.producing import Committing, collect, fatal, taken
from consumer.commit.sink import AbortedError, OutputRecord, Step
from consumer.detector.metrics import Stage
from consumer.errors import CommitError
from kafkaio.error_codes import AUTHORIZATION_ERRORS
from kafkaio.errors import PermissionMissingError

logger = logging.getLogger(__name__)


class ExactlyOnce(Committing):
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
                raise PermissionMissingError(
                    "Kafka does not grant the permission Write on transactional id "
                    f"{self._transactional_id}; docs/security.md explains how to grant it."
                ) from error
            raise fatal("Kafka transactions cannot be started", error) from error

    def commit(self, records: Sequence[OutputRecord], offsets: Sequence[TopicPartition]) -> None:
        """See the class: one transaction."""
        started = self._monotonic()
        deadline = started + self._timeout
        producer = self._producer
        undelivered: list[KafkaError] = []
        try:
            self._reached(Step.BEGIN)
            producer.begin_transaction()
            self._reached(Step.PRODUCE)
            verify = collect(undelivered)
            for record in records:
                self._produce(record, deadline, verify)
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
    ) -> AbortedError | CommitError:
        """Abort the transaction if its error allows it; return what to tell the loop."""
        error = cause.args[0]
        if error.fatal():
            return fatal("The transaction failed for good", cause)
        self._producer.poll(0)  # what became of single records tells more than the transaction
        refused = [it for it in (*undelivered, error) if it.code() in AUTHORIZATION_ERRORS]
        if not refused:
            logger.warning("Transaction aborted, its work is done again: %s", error.str())
        try:
            self._retry(self._producer.abort_transaction, self._monotonic() + self._timeout)
        except KafkaException as second:
            return fatal("The transaction could not be aborted", second)
        if refused:
            return taken(refused[0])
        # A producer one of whose records was refused may hang in its next transaction, because
        # its sequence numbers have a gap then.
        self.open()
        return AbortedError(error.str())
