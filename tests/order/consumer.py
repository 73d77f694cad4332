"""The consumer of the in-memory Kafka, with librdkafka's calls.

Every external call goes through `external`, which pauses the process before the effect and after
it; the driver may let it continue there, fail it, or kill it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from confluent_kafka import OFFSET_INVALID, KafkaError, KafkaException, TopicPartition

from kafkaio.partitions import PartitionId
from tests.order.external import ExternalCall, Metadata
from tests.order.memory import Broker, Stored, kafka_exception

Listener = Callable[[Any, list[TopicPartition]], None]


@dataclass(frozen=True)
class Failed:
    """The error that librdkafka returns in place of a record."""

    stored_error: KafkaError

    def error(self) -> KafkaError:
        return self.stored_error

    def topic(self) -> None:
        return None

    def partition(self) -> None:
        return None


class MemoryConsumer:
    """A consumer that is a member of a group."""

    def __init__(self, broker: Broker, group: str, external: ExternalCall) -> None:
        self._group_name = group
        self._broker = broker
        self._group = broker.group(group)
        self._external = external
        self._member: int | None = None
        self._generation = -1
        self._forgotten = False
        self._positions: dict[PartitionId, int | None] = {}
        self._listeners: dict[str, Listener] = {}

    @property
    def member(self) -> int | None:
        """The member id that the group assigned."""
        return self._member

    def subscribe(
        self, _topics: list[str], *, on_assign: Listener, on_revoke: Listener, on_lost: Listener
    ) -> None:
        self._listeners = {"assigned": on_assign, "revoked": on_revoke, "lost": on_lost}
        self._member = self._group.join()

    def assignment(self) -> list[TopicPartition]:
        return _partitions(self._positions)

    def consume(self, count: int, timeout: float) -> Sequence[Stored | Failed]:
        del timeout
        try:
            return self._external("consume", lambda: self._consume(count))
        except KafkaException as error:
            return [Failed(error.args[0])]

    def seek(self, partition: TopicPartition) -> None:
        def effect() -> None:
            place = (partition.topic, partition.partition)
            if place not in self._positions:
                raise kafka_exception(KafkaError._STATE)
            self._positions[place] = partition.offset

        self._external("seek", effect)

    def consumer_group_metadata(self) -> Metadata:
        """Return the client's identity; a member learns of a new generation in the background."""
        if self._member in self._group.members:
            self._generation = self._group.generation
        return Metadata(self._group_name, self._known, self._generation)

    def memberid(self) -> str | None:
        return str(self._known) if self._known else None

    def forget(self, *, generation: bool) -> None:
        """Learn of an eviction in the background, before a poll reports it to the process.

        librdkafka drops the member id then, and sometimes the generation as well.
        """
        self._forgotten = True
        if generation:
            self._generation = -1

    @property
    def _known(self) -> int | None:
        return None if self._forgotten else self._member

    def commit(self, *, offsets: Sequence[TopicPartition], asynchronous: bool) -> None:
        assert not asynchronous
        metadata = self.consumer_group_metadata()

        def effect() -> None:
            self._group.check(metadata.member, metadata.generation, transactional=False)
            for partition in offsets:
                self._group.offsets[partition.topic, partition.partition] = partition.offset
            self._broker.commits += 1

        self._external("commit offsets", effect)

    def committed(
        self, partitions: Sequence[TopicPartition], *, timeout: float
    ) -> list[TopicPartition]:
        """Return the group's offsets, once no open transaction may move them."""
        del timeout

        def effect() -> list[TopicPartition]:
            places = [(partition.topic, partition.partition) for partition in partitions]
            if any(self._broker.unstable(self._group_name, place) for place in places):
                raise kafka_exception(KafkaError.UNSTABLE_OFFSET_COMMIT, retriable=True)
            none = OFFSET_INVALID
            return [
                TopicPartition(*place, self._group.offsets.get(place, none)) for place in places
            ]

        return self._external("committed", effect)

    def close(self) -> None:
        self._external("close", self._rebalance)
        if self._positions:
            self._notify("revoked", list(self._positions))
        self._external("leave", self._leave)

    def _leave(self) -> None:
        if self._member is not None:
            self._group.leave(self._member)

    def _consume(self, count: int) -> list[Stored]:
        self._rebalance()
        taken: list[Stored] = []
        # The partition that was read last comes last, so that none starves.
        for place in list(self._positions):
            if len(taken) == count:
                break
            position = self._position(place)
            if position is None:
                continue
            records = self._broker.logs[place][position : position + count - len(taken)]
            if records:
                taken += records
                del self._positions[place]
                self._positions[place] = position + len(records)
        return taken

    def _position(self, place: PartitionId) -> int | None:
        """Return the position; None while the last owner's transaction is open."""
        position = self._positions[place]
        if position is None and not self._broker.unstable(self._group_name, place):
            position = self._positions[place] = self._group.offsets.get(place, 0)
        return position

    def _rebalance(self) -> None:
        """Handle rebalances, which librdkafka reports within a poll."""
        while self._member is not None:
            member = self._group.members.get(self._member)
            if member is None:
                self._member = None
                if self._positions:
                    self._notify("lost", list(self._positions))
                self._member = self._group.join()
                self._forgotten = False
                continue
            if not member.events:
                return
            event, places = member.events.pop(0)
            self._notify(event, places)

    def _notify(self, event: str, places: list[PartitionId]) -> None:
        self._listeners[event](self, _partitions(places))
        for place in places:
            if event == "assigned":
                self._positions[place] = None
            else:
                self._positions.pop(place, None)
        if event == "revoked" and self._member is not None:
            self._group.release(self._member, places)


def _partitions(places: Iterable[PartitionId]) -> list[TopicPartition]:
    return [TopicPartition(*place) for place in places]
