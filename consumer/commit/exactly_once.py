"""Committing exactly once: records and offsets in one Kafka transaction."""

from collections.abc import Sequence
from contextlib import suppress

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from consumer.commit.deadline import Deadline
from consumer.commit.kafka_sink import SHORTEST_CALL_SECONDS, KafkaSink, without_traceback
from consumer.commit.rejections import Deliveries
from consumer.commit.sink import (
    AbortedError,
    CommitStep,
    CommitTimings,
    OutputRecord,
    UnavailableError,
    UncertainError,
)
from consumer.errors import CommitError
from kafkaio.error_codes import PRODUCER_FENCED, STATE_INVALID
from kafkaio.errors import PermissionMissingError

# How much longer than its timeout a call may take before its producer is left behind.
GRACE_SECONDS = 2.0


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

    A retriable error is retried until the deadline. Any other error, and the deadline, end the
    producer: the next one has the same transactional id, so registering it aborts the transaction,
    or completes it where Kafka had decided to commit. (Aborting with the old producer is not an
    alternative: librdkafka rejects it after a commit that timed out, and a producer one of whose
    records was rejected can hang in its next transaction.) Only a producer that another process
    has fenced is not replaced.
    """

    _was_open = False
    _may_fence_itself = False  # Kafka may yet receive a registration that we gave up

    def open(self) -> None:
        """Register the transactional id, which fences an earlier producer of the same id."""
        self._close()
        self._producer = self._new_producer()
        try:
            self._retry(self._register, self._deadline())
        except KafkaException as error:
            self._close()
            self._may_fence_itself = True
            raise self._explain_rejection(error.args[0]) from without_traceback(error)
        self._was_open = True

    def commit(
        self, records: Sequence[OutputRecord], offsets: Sequence[TopicPartition]
    ) -> CommitTimings:
        """Commit one transaction; see the class.

        Records that their topic rejects as they are get a second attempt, adjusted.
        """
        deadline = self._deadline()
        self._adjuster.adjusted.clear()
        while True:
            started = self._monotonic()
            deliveries = Deliveries()
            try:
                timings = self._attempt(records, offsets, deadline, deliveries)
            except KafkaException as error:
                failure = self._failed(error.args[0], started)
                adjusted = None
                if failure is not CommitError:
                    adjusted = self._adjuster.adjust(records, deliveries)
                if adjusted is None or deadline.is_over:
                    reason = self._explain(error.args[0], records, deliveries)
                    if failure is CommitError:
                        reason = (
                            "Another process has taken over transactional id "
                            f"{self._transactional_id}: {reason}."
                        )
                    raise failure(reason) from without_traceback(error)
            except AbortedError:
                self._close()
                raise
            else:
                break
            records = adjusted
            self._reopen()
        self._report_adjusted()
        self._may_fence_itself = False
        return timings

    def _attempt(
        self,
        records: Sequence[OutputRecord],
        offsets: Sequence[TopicPartition],
        deadline: Deadline,
        deliveries: Deliveries,
    ) -> CommitTimings:
        started = self._monotonic()
        self._hook(CommitStep.BEGIN)
        self._producer.begin_transaction()
        self._hook(CommitStep.PRODUCE)
        self._produce(records, deadline, deliveries)
        produced = self._monotonic()
        self._hook(CommitStep.OFFSETS)
        metadata = self._membership()
        try:
            self._retry(lambda left: self._send_offsets(offsets, metadata, left), deadline)
        except KafkaException as error:
            if error.args[0].code() != STATE_INVALID:
                raise
            # The transaction failed during the call; the next call is rejected with the reason.
            self._send_offsets(offsets, metadata, SHORTEST_CALL_SECONDS)
        self._hook(CommitStep.COMMIT)
        self._retry(self._commit_transaction, deadline)
        self._hook(CommitStep.DONE)
        return CommitTimings(produced - started, self._monotonic() - produced)

    def _reopen(self) -> None:
        """Replace the producer, which ends its transaction: it has not been committed."""
        try:
            self.open()
        except UnavailableError as error:
            raise AbortedError(str(error)) from error

    def _register(self, timeout: float) -> None:
        self._producer.init_transactions(timeout)

    def _send_offsets(
        self, offsets: Sequence[TopicPartition], metadata: object, timeout: float
    ) -> None:
        """Send the offsets; give the producer up if the call does not return.

        Nothing is committed then. The producer that is left behind cannot commit it later: the next
        one, with the same transactional id, fences it.
        """

        def send() -> None:
            self._producer.send_offsets_to_transaction(list(offsets), metadata, timeout)

        try:
            self._bounded(send, timeout + GRACE_SECONDS)
        except TimeoutError as error:
            raise AbortedError("the group's coordinator does not answer") from error

    def _commit_transaction(self, timeout: float) -> None:
        self._producer.commit_transaction(timeout)

    def _explain_rejection(
        self, error: KafkaError
    ) -> UnavailableError | CommitError | PermissionMissingError:
        """Return why a producer was not registered: a mistake only if none ever was."""
        if self._was_open or error.retriable():
            return UnavailableError(f"Kafka does not register a producer: {error.str()}")
        if error.code() == KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
            return PermissionMissingError(
                "Kafka does not grant permission Write on transactional id "
                f"{self._transactional_id}; docs/security.md shows how to grant it."
            )
        return CommitError(f"Kafka transactions cannot be started: {error.str()}.")

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

    def _failed(
        self, error: KafkaError, started: float
    ) -> type[AbortedError | UncertainError | CommitError]:
        """Give up the producer; return the kind of error for the loop."""
        with suppress(KafkaException):  # the same error again
            self._producer.poll(0)  # runs the delivery callbacks
        self._close()
        if error.code() == PRODUCER_FENCED and self._is_another_process(started):
            return CommitError
        # Kafka never reports an error of this kind after a commit that took effect.
        aborted = error.txn_requires_abort() and not error.fatal()
        return AbortedError if aborted else UncertainError

    def _is_another_process(self, started: float) -> bool:
        """Return whether it was another process that fenced this producer.

        Kafka itself fences the producer of a transaction that has been open for too long.
        """
        has_timed_out = self._monotonic() - started >= self._transaction_timeout
        return not has_timed_out and not self._may_fence_itself
