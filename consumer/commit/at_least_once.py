"""Committing at least once: records first, offsets after."""

from collections.abc import Sequence

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from consumer.commit.producing import Committing, collect, fatal, taken
from consumer.commit.sink import AbortedError, OutputRecord, Step
from consumer.detector.metrics import Stage
from consumer.errors import CommitError
from kafkaio.error_codes import AUTHORIZATION_ERRORS


class AtLeastOnce(Committing):
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

    def commit(self, records: Sequence[OutputRecord], offsets: Sequence[TopicPartition]) -> None:
        """See the class: flush, verify, commit."""
        started = self._monotonic()
        deadline = started + self._timeout
        undelivered: list[KafkaError] = []
        try:
            self._reached(Step.PRODUCE)
            verify = collect(undelivered)
            for record in records:
                self._produce(record, deadline, verify)
            unflushed = self._producer.flush(max(0.0, deadline - self._monotonic()))
            if unflushed:
                raise CommitError(
                    f"{unflushed} alerts or dead letters were not acknowledged within "
                    f"{self._timeout:g} s; their offsets are not committed."
                )
            if undelivered:
                if undelivered[0].code() in AUTHORIZATION_ERRORS:
                    raise taken(undelivered[0])
                raise AbortedError(undelivered[0].str())
            produced = self._monotonic()
            self._reached(Step.OFFSETS)
            self._consumer.commit(offsets=list(offsets), asynchronous=False)
        except KafkaException as error:
            if error.args[0].code() in AUTHORIZATION_ERRORS:
                raise taken(error.args[0]) from error
            if error.args[0].fatal():
                raise fatal("Results could not be delivered", error) from error
            raise AbortedError(error.args[0].str()) from error
        self._reached(Step.DONE)
        self._observe(Stage.PRODUCE, produced - started)
        self._observe(Stage.COMMIT, self._monotonic() - produced)
