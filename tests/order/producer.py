"""The producer of the Kafka in memory, with librdkafka's calls, states and ways to fail.

Every call that reaches the outside stands still twice, as the consumer's.
"""

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from tests.order.memory import Broker, Place, Transaction, refusal
from tests.order.outside import Metadata, Outside


class State(Enum):
    """Of a transactional producer, as librdkafka has them."""

    NEW = "new"
    READY = "ready"
    OPEN = "open"
    COMMITTING = "committing"
    ABORTABLE = "abortable"
    FATAL = "fatal"


class MemoryProducer:
    """A producer; transactional if it has a name."""

    def __init__(self, broker: Broker, name: str | None, outside: Outside) -> None:
        self._broker = broker
        self._name = name or ""
        self._outside = outside
        self.epoch = 0
        self._queue: list[tuple[Place, bytes | None, bytes | None, Any, Any]] = []
        self._written = False
        self.state = State.NEW

    def init_transactions(self, _timeout: float) -> None:
        def effect() -> None:
            self.epoch = self._broker.initialise(self._name)
            self.state = State.READY

        self._call("init", {State.NEW, State.READY}, effect)

    def begin_transaction(self) -> None:
        self._require({State.READY})
        self.state = State.OPEN
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
        if self._name and self.state is not State.OPEN:
            raise refusal(KafkaError._STATE)
        place = self._broker.partition_of(topic, key) if partition < 0 else (topic, partition)
        self._queue.append((place, key, value, tuple(headers), on_delivery))

    def poll(self, _timeout: float) -> int:
        return 0

    def flush(self, _timeout: float) -> int:
        def effect() -> None:
            self._send(self._begun() if self._name and self._queue else None)

        try:
            self._outside("flush", effect)
        except KafkaException as error:
            self._fail(error)
            if error.args[0].retriable():  # not acknowledged in time, whether written or not
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
                transaction.offsets[metadata.group, place] = partition.offset

        self._call("send offsets", {State.OPEN}, effect)

    def commit_transaction(self, _timeout: float) -> None:
        def effect() -> None:
            if self._queue:
                self._send(self._begun())
            if self._written:  # an empty one is nobody's business
                self._broker.commit(self._name, self.epoch)
            self.state = State.READY

        self._require({State.OPEN, State.COMMITTING})
        self.state = State.COMMITTING
        self._call("commit", {State.COMMITTING, State.READY}, effect)
        self.state = State.READY

    def abort_transaction(self, _timeout: float) -> None:
        def effect() -> None:
            self._queue.clear()
            if self._written:
                self._broker.abort(self._name, self.epoch)

        self._call("abort", {State.OPEN, State.ABORTABLE}, effect)
        self.state = State.READY

    def _begun(self) -> Transaction:
        self._written = True
        return self._broker.begun(self._name, self.epoch)

    def _send(self, transaction: Transaction | None) -> None:
        for place, key, value, headers, on_delivery in self._queue:
            self._broker.append(place, key, value, headers, transaction)
            if on_delivery is not None:
                on_delivery(None, None)
        self._queue.clear()

    def _call(self, call: str, states: set[State], effect: Callable[[], None]) -> None:
        self._require(states)
        try:
            self._outside(call, effect)
        except KafkaException as error:
            self._fail(error)
            raise

    def _fail(self, error: KafkaException) -> None:
        if error.args[0].fatal():
            self.state = State.FATAL
        elif error.args[0].txn_requires_abort():
            self.state = State.ABORTABLE

    def _require(self, states: set[State]) -> None:
        if self.state is State.FATAL:
            raise refusal(KafkaError._FENCED, fatal=True)
        if self.state not in states:
            raise refusal(KafkaError._STATE, abortable=self.state is State.ABORTABLE)
