"""The consumer of the in-memory Kafka, with librdkafka's calls.

Every external call goes through `external`, which pauses the process before the effect and after
it; the driver may let it continue there, fail it, or kill it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from kafkaio.partitions import PartitionId
from tests.order.external import ExternalCall, Metadata
from tests.order.memory import Broker, Stored, kafka_exception

Listener = Callable[[Any, list[TopicPartition]], None]
NO_OFFSET = -1001


@dataclass(frozen=True)
class Failed:
    """The error that librdkafka returns in place of a record."""

    stored_error: KafkaError
    place: PartitionId | None = None
    stored_offset: int | None = None

    def error(self) -> KafkaError:
        return self.stored_error

    def topic(self) -> str | None:
        return self.place[0] if self.place else None

    def partition(self) -> int | None:
        return self.place[1] if self.place else None

    def offset(self) -> int | None:
        return self.stored_offset


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
        self._stopped: set[PartitionId] = set()  # no longer fetched: the position is invalid
        self._fetched_topic: dict[PartitionId, int] = {}
        self._known_ends: dict[PartitionId, int] = {}
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
            if place not in self._positions or place in self._stopped:
                raise kafka_exception(KafkaError._STATE)
            self._positions[place] = partition.offset

        self._external("seek", effect)

    def incremental_unassign(self, partitions: list[TopicPartition]) -> None:
        """Prepare `incremental_assign`, which has the effect of both."""

    def incremental_assign(self, partitions: list[TopicPartition]) -> None:
        def effect() -> None:
            for partition in partitions:
                place = (partition.topic, partition.partition)
                if place in self._positions:
                    self._stopped.discard(place)
                    self._positions[place] = partition.offset
                    self._fetched_topic[place] = self._broker.incarnation

        self._external("restart", effect)

    def committed(
        self, partitions: Sequence[TopicPartition], *, timeout: float
    ) -> list[TopicPartition]:
        """Return the group's offsets, once no open transaction may move them."""
        del timeout

        def effect() -> list[TopicPartition]:
            places = [(partition.topic, partition.partition) for partition in partitions]
            if any(self._broker.unstable(self._group_name, place) for place in places):
                raise kafka_exception(KafkaError._TIMED_OUT, retriable=True)
            return [
                TopicPartition(
                    *place,
                    self._group.offsets.get(place, NO_OFFSET),
                    self._group.metadata.get(place, ""),
                )
                for place in places
            ]

        return self._external("fetch offsets", effect)

    def get_watermark_offsets(
        self, partition: TopicPartition, *, timeout: float = 0, cached: bool = False
    ) -> tuple[int, int]:
        del timeout
        place = (partition.topic, partition.partition)
        if cached:
            return 0, self._known_ends.get(place, NO_OFFSET)
        return self._external(
            "bounds", lambda: (self._broker.starts[place], len(self._broker.logs[place]))
        )

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
                place = (partition.topic, partition.partition)
                self._group.offsets[place] = partition.offset
                self._group.metadata[place] = partition.metadata or ""
            self._broker.commits += 1

        self._external("commit offsets", effect)

    def close(self) -> None:
        self._external("close", self._rebalance)
        if self._positions:
            self._notify("revoked", list(self._positions))
        self._external("leave", self._leave)

    def _leave(self) -> None:
        if self._member is not None:
            self._group.leave(self._member)

    def _consume(self, count: int) -> list[Stored | Failed]:
        self._rebalance()
        taken: list[Stored | Failed] = []
        # The partition that was read last comes last, so that none starves.
        for place in list(self._positions):
            if len(taken) == count:
                break
            if place in self._stopped or not self._fetches_the_topic(place):
                continue
            position = self._position(place)
            if position is None:
                if place in self._stopped:
                    taken.append(_stopped(place, None))
                continue
            self._known_ends[place] = len(self._broker.logs[place])
            if not self._broker.starts[place] <= position <= len(self._broker.logs[place]):
                self._stopped.add(place)
                taken.append(_stopped(place, position))
                continue
            records = self._broker.logs[place][position : position + count - len(taken)]
            if records:
                taken += records
                del self._positions[place]
                self._positions[place] = position + len(records)
        return taken

    def _position(self, place: PartitionId) -> int | None:
        """Return the position; None while the last owner's transaction is open, or without one."""
        position = self._positions[place]
        if position is None and not self._broker.unstable(self._group_name, place):
            position = self._positions[place] = self._group.offsets.get(place)
            if position is None:
                self._stopped.add(place)
        return position

    def _fetches_the_topic(self, place: PartitionId) -> bool:
        """Return whether the fetch names the topic's id; learn that of a recreated one if not."""
        known = self._fetched_topic[place] == self._broker.incarnation
        self._fetched_topic[place] = self._broker.incarnation
        return known

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
            self._stopped.discard(place)
            if event == "assigned":
                self._positions[place] = None
                self._fetched_topic[place] = self._broker.incarnation
            else:
                self._positions.pop(place, None)
        if event == "revoked" and self._member is not None:
            self._group.release(self._member, places)


def _partitions(places: Iterable[PartitionId]) -> list[TopicPartition]:
    return [TopicPartition(*place) for place in places]


def _stopped(place: PartitionId, offset: int | None) -> Failed:
    return Failed(KafkaError(KafkaError._AUTO_OFFSET_RESET), place, offset)
