"""Reading a topic in natural micro-batches, as a member of a consumer group."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, cast

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from consumer.detector.metrics import Trigger
from kafkaio.error_codes import AUTHORIZATION_ERRORS
from kafkaio.errors import ClientFailedError, PermissionMissingError, TopicMissingError

logger = logging.getLogger(__name__)

# Signals are heard between two waits, and confluent-kafka 2.13 to 2.15.0 cut longer ones short.
LONGEST_WAIT_SECONDS = 0.1

# An open transaction of a dead owner ends after 10 s, and up to 10 s more until a broker looks.
LONGEST_ASKING_SECONDS = 60.0

_HARMLESS = {
    KafkaError._PARTITION_EOF,  # noqa: SLF001 - librdkafka's local codes are spelled so
    KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001 - the availability watch hears of it
    KafkaError._TRANSPORT,  # noqa: SLF001 - likewise
}
_NO_TOPIC = {
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._UNKNOWN_TOPIC,  # noqa: SLF001
    KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001
}


class InputRecord(Protocol):
    """A record that was read: a `confluent_kafka.Message` that is no error and has a place."""

    def topic(self) -> str:
        """Return the topic it was read from."""

    def partition(self) -> int:
        """Return its partition there."""

    def offset(self) -> int:
        """Return its offset there."""

    def timestamp(self) -> tuple[int, int]:
        """Return the kind of its timestamp, and the timestamp in milliseconds since the epoch."""

    def key(self) -> bytes | None:
        """Return its key."""

    def value(self) -> bytes | None:
        """Return its value."""

    def headers(self) -> list[tuple[str, bytes | None]] | None:
        """Return its headers."""


class Listener(Protocol):
    """Who is told of rebalances, always from within `Source.read` or `Source.close`."""

    def assigned(self, partitions: Sequence[TopicPartition]) -> None:
        """Take these partitions, in addition to those already held."""

    def revoked(self, partitions: Sequence[TopicPartition]) -> None:
        """Finish with these partitions now; they are still ours until this returns."""

    def lost(self, partitions: Sequence[TopicPartition]) -> None:
        """Drop these partitions; somebody else may have them already."""


class CommittedPositions(Protocol):
    """Knows how far the input is done with."""

    def next_offsets(self, partitions: Sequence[int]) -> Mapping[int, int]:
        """Return the offset after the last one that is done, by partition; 0 where none is.

        Raises:
            KafkaException: if that cannot be known at present; ask again.
        """


class Source:
    """The input topic, read a batch at a time.

    Args:
        consumer: a member of the group.
        topic: what is read.
        batch_maximum: records in a batch, at most.
        wait_maximum: seconds to wait for a batch to fill; 0 takes what is there.
        done: knows how far each partition is done with, should the group's offsets be behind;
            None to know only what was committed here.
        monotonic: seconds for deadlines.
    """

    def __init__(
        self,
        consumer: Consumer,
        topic: str,
        *,
        batch_maximum: int,
        wait_maximum: float = 0.0,
        done: CommittedPositions | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._consumer = consumer
        self._topic = topic
        self._batch_maximum = batch_maximum
        self._wait_maximum = wait_maximum
        self._done = done
        self._monotonic = monotonic
        self._asking_since: float | None = None
        self._committed: dict[int, int] = {}
        self._unproven: set[int] = set()
        self._batch: list[Message] = []

    def subscribe(self, listener: Listener) -> None:
        """Join the group."""

        def assigned(_: Consumer, partitions: list[TopicPartition]) -> None:
            listener.assigned(partitions)
            self._unproven |= {partition.partition for partition in partitions}

        def revoked(_: Consumer, partitions: list[TopicPartition]) -> None:
            listener.revoked(partitions)
            self._drop(partitions)

        def lost(_: Consumer, partitions: list[TopicPartition]) -> None:
            listener.lost(partitions)
            self._drop(partitions)

        self._consumer.subscribe(
            [self._topic],
            on_assign=assigned,
            on_revoke=revoked,
            on_lost=lost,
        )

    def read(self) -> tuple[list[InputRecord], Trigger]:
        """Block for a first record, then take what is already there, up to the maximum.

        Blocks for `LONGEST_WAIT_SECONDS` when there is nothing, and returns no messages then.
        Calls the listener when the group rebalances, and returns nothing of a partition that was
        taken away meanwhile.

        Raises:
            TopicMissingError: if the topic is gone.
            PermissionMissingError: if Kafka lets us not read it, or not be in the group, any more.
            ClientFailedError: if the client cannot go on, or the journal does not answer.
        """
        self._batch = []
        self._take(1, LONGEST_WAIT_SECONDS)
        if not self._batch:
            return [], Trigger.DRAINED
        if self._batch_maximum > 1:
            self._take(self._batch_maximum - 1, 0)
        trigger = Trigger.DRAINED
        if self._wait_maximum > 0:
            self._wait_for_more()
            trigger = Trigger.WAITED
        if len(self._batch) == self._batch_maximum:
            trigger = Trigger.FULL
        records = [message for message in self._batch if self._is_record(message)]
        return self._undone(cast("list[InputRecord]", records)), trigger

    def rewind(self, partitions: Sequence[TopicPartition]) -> None:
        """Read these partitions from their offsets on; those not ours (any more) are left.

        Raises:
            ClientFailedError: if the client cannot be sent back, since going on would skip records.
        """
        ours = {(partition.topic, partition.partition) for partition in self._consumer.assignment()}
        for partition in partitions:
            if (partition.topic, partition.partition) in ours:
                try:
                    self._consumer.seek(partition)
                except KafkaException as error:
                    raise ClientFailedError(
                        f"Cannot go back to offset {partition.offset} of {partition.topic} "
                        f"[{partition.partition}]: {error.args[0].str()}."
                    ) from error

    def committed(self, offsets: Sequence[TopicPartition]) -> None:
        """Take note of what was committed, should Kafka forget it."""
        self._committed.update((place.partition, place.offset) for place in offsets)

    def close(self) -> None:
        """Leave the group; calls the listener's `revoked` first."""
        self._consumer.close()

    def _take(self, count: int, timeout: float) -> None:
        # Two statements: what `_drop` does within `consume` must come first.
        messages = self._consumer.consume(count, timeout=timeout)
        self._batch += messages

    def _drop(self, partitions: Sequence[TopicPartition]) -> None:
        """Take what was read of these partitions out of the batch: their next owner reads it.

        Scored and committed here, under the group's next generation, it would be done twice.
        """
        gone = {(partition.topic, partition.partition) for partition in partitions}
        self._unproven -= {partition.partition for partition in partitions}
        self._batch = [
            message for message in self._batch if (message.topic(), message.partition()) not in gone
        ]

    def _undone(self, records: list[InputRecord]) -> list[InputRecord]:
        """Leave out newly assigned partitions that begin before what is done; go on after that."""
        firsts: dict[int, int] = {}
        for record in records if self._unproven else ():
            if record.partition() in self._unproven:
                firsts.setdefault(record.partition(), record.offset())
        if not firsts:
            return records
        try:
            done = self._done_to(list(firsts))
        except KafkaException as error:
            self._ask_later(error)
            again = firsts
        else:
            self._asking_since = None
            self._unproven -= firsts.keys()
            again = {number: done[number] for number in firsts if done[number] > firsts[number]}
        for number in again.keys() - self._unproven:
            logger.warning(
                "Kafka says that %s [%d] is done up to offset %d, but it is up to %d: "
                "going on there.",
                self._topic,
                number,
                firsts[number],
                again[number],
            )
        self.rewind([TopicPartition(self._topic, *place) for place in again.items()])
        return [record for record in records if record.partition() not in again]

    def _done_to(self, partitions: Sequence[int]) -> dict[int, int]:
        said = self._done.next_offsets(partitions) if self._done else {}
        return {it: max(self._committed.get(it, 0), said.get(it, 0)) for it in partitions}

    def _ask_later(self, error: KafkaException) -> None:
        now = self._monotonic()
        self._asking_since = self._asking_since or now
        if now - self._asking_since > LONGEST_ASKING_SECONDS:
            raise ClientFailedError(
                f"The journal has not said for {LONGEST_ASKING_SECONDS:.0f} s how far "
                f"{self._topic} is done with: {error.args[0].str()}."
            ) from error
        logger.info("Not known yet how far the input is done: %s.", error.args[0].str())

    def _wait_for_more(self) -> None:
        deadline = self._monotonic() + self._wait_maximum
        while (missing := self._batch_maximum - len(self._batch)) > 0:
            remaining = deadline - self._monotonic()
            if remaining <= 0:
                return
            self._take(missing, min(remaining, LONGEST_WAIT_SECONDS))

    def _is_record(self, message: Message) -> bool:
        """Tell records from the errors that librdkafka hands over in their place."""
        error = message.error()
        if error is None:
            return True
        if error.code() in _NO_TOPIC:
            raise TopicMissingError(
                f"Topic {self._topic} is not there (any more); "
                "create it with 'fraudstream topics create'."
            )
        if error.code() in AUTHORIZATION_ERRORS:
            raise PermissionMissingError(
                f"Kafka does not let us read {self._topic} in our group any more "
                f"({error.str()}); docs/security.md lists the rights that are needed."
            )
        if error.fatal():
            raise ClientFailedError(f"The Kafka consumer cannot go on: {error.str()}.")
        if error.code() not in _HARMLESS:
            logger.warning("Kafka says: %s", error.str())
        return False
