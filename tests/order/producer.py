"""The producer of the in-memory Kafka, with librdkafka's calls, states and errors.

Every external call pauses twice, as the consumer's do.
"""

from collections.abc import Callable, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from tests.order.external import ExternalCall, Metadata
from tests.order.memory import Broker, Transaction, kafka_exception

if TYPE_CHECKING:
    from kafkaio.partitions import PartitionId


class ProducerState(Enum):
    """The states of a transactional producer in librdkafka."""

    NEW = "new"
    READY = "ready"
    OPEN = "open"
    COMMITTING = "committing"
    ABORTABLE = "abortable"
    FATAL = "fatal"


class MemoryProducer:
    """A producer; transactional if it has a transactional id."""

    def __init__(self, broker: Broker, name: str | None, external: ExternalCall) -> None:
        self._broker = broker
        self._name = name or ""
        self._external = external
        self.epoch = 0
        self._queue: list[tuple[PartitionId, bytes | None, bytes | None, Any, Any]] = []
        self._written = False
        self.state = ProducerState.NEW

    def init_transactions(self, _timeout: float) -> None:
        def effect() -> None:
            self.epoch = self._broker.initialise(self._name)
            self.state = ProducerState.READY

        self._call("init", {ProducerState.NEW, ProducerState.READY}, effect)

    def begin_transaction(self) -> None:
        self._require({ProducerState.READY})
        self.state = ProducerState.OPEN
        self._written = False

    def produce(
        self,
        topic: str,
        *,
        key: bytes | None,
        value: bytes | None,
        headers: list[tuple[str, bytes | None]],
        on_delivery: Any,
        timestamp: int,
        partition: int,
    ) -> None:
        del timestamp
        if self._name and self.state is not ProducerState.OPEN:
            raise kafka_exception(KafkaError._STATE)
        place = self._broker.partition_of(topic, key) if partition < 0 else (topic, partition)
        self._queue.append((place, key, value, tuple(headers), on_delivery))

    def poll(self, _timeout: float) -> int:
        return 0

    def purge(self, *, blocking: bool) -> None:
        del blocking
        self._queue.clear()

    def flush(self, _timeout: float) -> int:
        def effect() -> None:
            self._send(self._begun() if self._name and self._queue else None)

        try:
            self._external("flush", effect)
        except KafkaException as error:
            self._fail(error)
            if error.args[0].retriable():  # not acknowledged in time, written or not
                return max(1, len(self._queue))
            for *_, on_delivery in self._queue:
                if on_delivery is not None:
                    on_delivery(error.args[0], None)
            self._queue.clear()
        return 0

    def send_offsets_to_transaction(
        self, offsets: Sequence[TopicPartition], metadata: Metadata, _timeout: float
    ) -> None:
        def effect() -> None:
            transaction = self._begun()
            self._send(transaction)
            self._broker.group(metadata.group).check(
                metadata.member, metadata.generation, transactional=True
            )
            for partition in offsets:
                place = (partition.topic, partition.partition)
                transaction.offsets[metadata.group, place] = (
                    partition.offset,
                    partition.metadata or "",
                )

        self._call("send offsets", {ProducerState.OPEN}, effect)

    def commit_transaction(self, _timeout: float) -> None:
        def effect() -> None:
            if self._queue:
                self._send(self._begun())
            if self._written:  # Kafka never sees an empty one
                self._broker.commit(self._name, self.epoch)
            self.state = ProducerState.READY

        self._require({ProducerState.OPEN, ProducerState.COMMITTING})
        self.state = ProducerState.COMMITTING
        self._call("commit", {ProducerState.COMMITTING, ProducerState.READY}, effect)
        self.state = ProducerState.READY

    def abort_transaction(self, _timeout: float) -> None:
        def effect() -> None:
            self._queue.clear()
            if self._written:
                self._broker.abort(self._name, self.epoch)

        self._call("abort", {ProducerState.OPEN, ProducerState.ABORTABLE}, effect)
        self.state = ProducerState.READY

    def _begun(self) -> Transaction:
        self._written = True
        return self._broker.begun(self._name, self.epoch)

    def _send(self, transaction: Transaction | None) -> None:
        for place, key, value, headers, on_delivery in self._queue:
            self._broker.append(place, key, value, headers, transaction)
            if on_delivery is not None:
                on_delivery(None, None)
        self._queue.clear()

    def _call(self, call: str, states: set[ProducerState], effect: Callable[[], None]) -> None:
        self._require(states)
        try:
            self._external(call, effect)
        except KafkaException as error:
            self._fail(error)
            raise

    def _fail(self, error: KafkaException) -> None:
        if error.args[0].fatal():
            self.state = ProducerState.FATAL
        elif error.args[0].txn_requires_abort():
            self.state = ProducerState.ABORTABLE

    def _require(self, states: set[ProducerState]) -> None:
        if self.state is ProducerState.FATAL:
            raise kafka_exception(KafkaError._FENCED, fatal=True)
        if self.state not in states:
            raise kafka_exception(
                KafkaError._STATE, abortable=self.state is ProducerState.ABORTABLE
            )
