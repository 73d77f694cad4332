"""An in-memory Kafka with the rules that matter for the order of effects.

Records are appended at once and become readable when their transaction is committed; offsets sent
to a transaction are pending until then, and the partition's next owner waits for them. A
transactional id has one valid producer: initialising it aborts what the previous one left open, and
fences that one. A group accepts offsets only from members of its current generation. A rebalance is
cooperative: a partition is assigned to another member only after its owner has released it, or was
evicted. Records can be deleted from the beginning of a partition, and the input can be deleted and
created again, with another id. `tests/order/test_rules.py` compares these rules with a real Kafka.
"""

import zlib
from collections import defaultdict
from dataclasses import dataclass, field
from enum import Enum

from confluent_kafka import KafkaError, KafkaException

from kafkaio.partitions import PartitionId


class Status(Enum):
    """The state of a transaction."""

    OPEN = "open"
    COMMITTED = "committed"
    ABORTED = "aborted"


@dataclass(eq=False)
class Transaction:
    """A transaction: its records refer to it, its offsets are pending in it."""

    name: str
    status: Status = Status.OPEN
    offsets: dict[tuple[str, PartitionId], tuple[int, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Stored:
    """A record in a partition, with the methods of `confluent_kafka.Message` that are used here."""

    place: PartitionId
    stored_offset: int
    stored_key: bytes | None
    stored_value: bytes | None
    stored_headers: tuple[tuple[str, bytes | None], ...] = ()
    transaction: Transaction | None = None

    @property
    def readable(self) -> bool:
        """Whether a `read_committed` reader returns it."""
        return self.transaction is None or self.transaction.status is Status.COMMITTED

    def topic(self) -> str:
        return self.place[0]

    def partition(self) -> int:
        return self.place[1]

    def offset(self) -> int:
        return self.stored_offset

    def timestamp(self) -> tuple[int, int]:
        return (1, 1_000)

    def key(self) -> bytes | None:
        return self.stored_key

    def value(self) -> bytes | None:
        return self.stored_value

    def headers(self) -> list[tuple[str, bytes | None]]:
        return list(self.stored_headers)

    def error(self) -> None:
        return None


@dataclass
class Member:
    """A member of a group, as the coordinator sees it.

    Attributes:
        owned: partitions that no other member may own.
        revoking: those of them that it has to release.
        events: for its client, in order: (event, partitions).
    """

    owned: set[PartitionId] = field(default_factory=set)
    revoking: set[PartitionId] = field(default_factory=set)
    events: list[tuple[str, list[PartitionId]]] = field(default_factory=list)


class Group:
    """A consumer group: the coordinator's part of a cooperative rebalance."""

    def __init__(self, places: list[PartitionId]) -> None:
        self.generation = 0
        self.members: dict[int, Member] = {}
        self.offsets: dict[PartitionId, int] = {}
        self.metadata: dict[PartitionId, str] = {}
        self._places = places
        self._named = 0

    def join(self) -> int:
        """Add a member; return its id."""
        self._named += 1
        self.members[self._named] = Member()
        self.rebalance()
        return self._named

    def leave(self, member: int) -> None:
        """Remove a member that leaves, or whose session has timed out."""
        if self.members.pop(member, None) is not None:
            self.rebalance()

    def release(self, member: int, places: list[PartitionId]) -> None:
        """Take back partitions that a member has released."""
        if member in self.members:
            self.members[member].owned -= set(places)
            self.members[member].revoking -= set(places)
            self.rebalance()

    def rebalance(self) -> None:
        """Start a generation: revoke what is to move, assign what is free."""
        self.generation += 1
        if not self.members:
            return
        names = sorted(self.members)
        owners = {place: name for name in names for place in self.members[name].owned}
        for name in names:
            fair = self._places[names.index(name) :: len(names)]
            free = [place for place in fair if place not in owners]
            if free:
                self.members[name].owned.update(free)
                self.members[name].events.append(("assigned", free))
            wanted = self.members[name].owned - set(fair) - self.members[name].revoking
            if wanted:
                self.members[name].revoking |= wanted
                self.members[name].events.append(("revoked", sorted(wanted)))

    def check(self, member: int | None, generation: int, *, transactional: bool) -> None:
        """Reject offsets from a member that was evicted, or is of an earlier generation.

        Raises:
            KafkaException: UNKNOWN_MEMBER_ID or ILLEGAL_GENERATION.
        """
        if member is None and generation < 0 and (transactional or not self.members):
            return  # offsets that name neither are accepted from anybody
        if member is None or member not in self.members:
            raise kafka_exception(KafkaError.UNKNOWN_MEMBER_ID, abortable=True)
        if generation != self.generation:
            raise kafka_exception(KafkaError.ILLEGAL_GENERATION, abortable=True)


class Broker:
    """Topics, transactions and groups.

    Attributes:
        input: the partitions that detectors read.
        logs: the records of each partition, the deleted ones included.
        starts: the first offset of each partition that is not deleted.
        incarnation: how often the input topic was created.
        commits: number of committed transactions and offset commits.
    """

    def __init__(self, topic: str, partitions: int) -> None:
        self.input = [(topic, number) for number in range(partitions)]
        self.logs: defaultdict[PartitionId, list[Stored]] = defaultdict(list)
        self.starts: defaultdict[PartitionId, int] = defaultdict(int)
        self.incarnation = 1
        self.commits = 0
        self._epochs: defaultdict[str, int] = defaultdict(int)
        self._open: dict[str, Transaction] = {}
        self._groups: dict[str, Group] = {}

    def group(self, name: str) -> Group:
        """Return the group of that name; create it on first use."""
        if name not in self._groups:
            self._groups[name] = Group(self.input)
        return self._groups[name]

    @property
    def topic_id(self) -> str:
        """The id of the input topic."""
        return str(self.incarnation)

    def recreate(self) -> None:
        """Delete the input topic, and create it again."""
        self.incarnation += 1
        for place in self.input:
            self.logs[place] = []
            self.starts[place] = 0

    def append(
        self,
        place: PartitionId,
        key: bytes | None,
        value: bytes | None,
        headers: tuple[tuple[str, bytes | None], ...] = (),
        transaction: Transaction | None = None,
    ) -> None:
        """Append a record to a partition."""
        log = self.logs[place]
        log.append(Stored(place, len(log), key, value, headers, transaction))

    def partition_of(self, topic: str, key: bytes | None) -> PartitionId:
        """Return the partition of a key: one of two, by its hash."""
        return (topic, zlib.crc32(key or b"") % 2)

    def committed(self, topic: str) -> list[Stored]:
        """Return the records of a topic that a `read_committed` reader returns."""
        places = sorted(place for place in self.logs if place[0] == topic)
        return [record for place in places for record in self.logs[place] if record.readable]

    def unstable(self, group: str, place: PartitionId) -> bool:
        """Return whether an open transaction may still move the group's offset there."""
        return any((group, place) in transaction.offsets for transaction in self._open.values())

    def forget(self, group: str, place: PartitionId, offset: int) -> None:
        """Fall back to an earlier offset, and drop offsets pending in open transactions.

        A coordinator that answers before it has loaded its log does so; offset 0 is none at all.
        """
        offsets = self.group(group).offsets
        offsets[place] = min(offset, offsets.get(place, 0))
        for transaction in self._open.values():
            transaction.offsets.pop((group, place), None)

    def expire(self, group: str) -> None:
        """Delete the offsets of a group without members."""
        self.group(group).offsets.clear()
        self.group(group).metadata.clear()

    def initialise(self, name: str) -> int:
        """Give a transactional id to a new producer; return its epoch."""
        self._end(name, Status.ABORTED)
        self._epochs[name] += 1
        return self._epochs[name]

    def epoch(self, name: str) -> int:
        """Return the epoch of the id's latest producer; 0 if there was none."""
        return self._epochs[name]

    def time_out(self, name: str) -> None:
        """Abort a transaction that was open for too long; its producer is fenced."""
        if name in self._open:
            self.initialise(name)

    def begun(self, name: str, epoch: int) -> Transaction:
        """Return the open transaction of a producer; begin one if there is none.

        Raises:
            KafkaException: _FENCED, fatal, if a later producer has the id.
        """
        self._reject_fenced(name, epoch)
        return self._open.setdefault(name, Transaction(name))

    def commit(self, name: str, epoch: int) -> None:
        """Make a transaction's records readable and its offsets the group's offsets."""
        self._reject_fenced(name, epoch)
        self._end(name, Status.COMMITTED)

    def abort(self, name: str, epoch: int) -> None:
        """Discard a transaction."""
        self._reject_fenced(name, epoch)
        self._end(name, Status.ABORTED)

    def _reject_fenced(self, name: str, epoch: int) -> None:
        if self._epochs[name] != epoch:
            raise kafka_exception(KafkaError._FENCED, fatal=True)

    def _end(self, name: str, status: Status) -> None:
        transaction = self._open.pop(name, None)
        if transaction is None:
            return
        transaction.status = status
        if status is Status.COMMITTED:
            self.commits += 1
            for (group, place), (offset, metadata) in transaction.offsets.items():
                self.group(group).offsets[place] = offset
                self.group(group).metadata[place] = metadata


def kafka_exception(
    code: int, *, fatal: bool = False, retriable: bool = False, abortable: bool = False
) -> KafkaException:
    """Return the exception that a client raises."""
    return KafkaException(KafkaError(code, None, fatal, retriable, abortable))
