"""Committing exactly once: records and offsets in one Kafka transaction."""

import logging
from collections.abc import Sequence

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from consumer.commit.deadline import Deadline
from consumer.commit.kafka_sink import (
    COMMIT_SECONDS,
    KafkaSink,
    collect_errors,
    commit_failed,
    permission_lost,
)
from consumer.commit.sink import AbortedError, CommitStep, CommitTimings, OutputRecord
from consumer.errors import CommitError
from kafkaio.error_codes import AUTHORIZATION_ERRORS
from kafkaio.errors import PermissionMissingError

logger = logging.getLogger(__name__)


class ExactlyOnce(KafkaSink):
    """Records and offsets in one Kafka transaction.

    Two kinds of zombies are fenced: a process that the group has evicted, by the group's
    generation; and a process that was started again, by the transactional id, which only the
    latest producer may use.

    A commit, in this order:

    1. begin a transaction;
    2. produce every record (alerts, dead letters, journal entries) into it;
    3. send it the next-to-read offsets with the group's metadata: a member of an earlier
       generation is fenced here;
    4. commit it, which flushes the records and makes all of it visible at once.

    A retriable error is retried until the deadline; an abortable one aborts the transaction; a
    fatal one ends the process, because its producer can never write again.
    """

    def open(self) -> None:
        """Register the transactional id, which fences an earlier producer of the same id."""
        self._open(self._deadline().within(COMMIT_SECONDS))

    def commit(
        self, records: Sequence[OutputRecord], offsets: Sequence[TopicPartition]
    ) -> CommitTimings:
        """Commit one transaction; see the class."""
        budget = self._deadline()
        deadline = budget.within(self._budget / 2)
        producer = self._producer
        undelivered: list[KafkaError] = []
        started = self._monotonic()
        try:
            self._hook(CommitStep.BEGIN)
            producer.begin_transaction()
            self._hook(CommitStep.PRODUCE)
            on_delivery = collect_errors(undelivered)
            for record in records:
                self._produce(record, deadline, on_delivery)
            produced = self._monotonic()
            self._hook(CommitStep.OFFSETS)
            metadata = self._membership()
            self._retry(
                lambda left: producer.send_offsets_to_transaction(list(offsets), metadata, left),
                deadline,
            )
            self._hook(CommitStep.COMMIT)
            self._retry(producer.commit_transaction, deadline)
        except KafkaException as error:
            raise self._abort(error, undelivered, budget) from error
        self._hook(CommitStep.DONE)
        return CommitTimings(produced - started, self._monotonic() - produced)

    def _open(self, deadline: Deadline) -> None:
        self._producer = self._new_producer()
        try:
            self._retry(self._producer.init_transactions, deadline)
        except KafkaException as error:
            if error.args[0].code() == KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
                raise PermissionMissingError(
                    "Kafka does not grant permission Write on transactional id "
                    f"{self._transactional_id}; docs/security.md shows how to grant it."
                ) from error
            raise commit_failed("Kafka transactions cannot be started", error) from error

    def _membership(self) -> object:
        """Return the group metadata that identifies this member and its generation.

        librdkafka may learn that the group evicted us, and drop our member id, before we do; and
        Kafka accepts transactional offsets that name neither member nor generation from anybody.

        Raises:
            KafkaException: if we are not in the group; the transaction has to be aborted.
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
        self, cause: KafkaException, undelivered: Sequence[KafkaError], deadline: Deadline
    ) -> AbortedError | CommitError:
        """Abort the transaction if its error allows it; return the error for the loop."""
        error = cause.args[0]
        if error.fatal():
            return commit_failed("The transaction failed for good", cause)
        self._producer.poll(0)  # runs the delivery callbacks
        errors = [*undelivered, error]  # the error of a single record says more
        forbidden = [failure for failure in errors if failure.code() in AUTHORIZATION_ERRORS]
        if not forbidden:
            logger.warning(
                "Transaction aborted, its records are processed again: %s", errors[0].str()
            )
        try:
            self._retry(self._producer.abort_transaction, deadline)
        except KafkaException as second:
            return commit_failed("The transaction could not be aborted", second)
        if forbidden:
            return permission_lost(forbidden[0])
        # A producer one of whose records was rejected can hang in its next transaction, because
        # its sequence numbers have a gap then.
        self._open(deadline)
        return AbortedError(errors[0].str())
