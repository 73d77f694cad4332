"""Kafka's rules in memory, as far as the order of effects goes.

Records are appended at once and become readable when their transaction is committed; offsets sent
to a transaction are pending until then, and whoever takes the partition over waits for them. A
transactional id has one living producer: initialising it ends what the one before left open, and
fences it. A group accepts offsets from a member of its present generation only. A rebalance is
cooperative: a partition is given to somebody else only after its owner gave it up, or was thrown
out. `tests/integration/order` holds these rules against a real Kafka.
"""

import zlib
from collections import defaultdict
from dataclasses import dataclass, field
from enum import Enum

from confluent_kafka import KafkaError, KafkaException

Place = tuple[str, int]
"""A topic's name and a partition's number."""


class Status(Enum):
    """What became of a transaction."""

    OPEN = "open"
    COMMITTED = "committed"
    ABORTED = "aborted"


@dataclass(eq=False)
class Transaction:
    """What is written together: records point to it, offsets wait in it."""

    status: Status = Status.OPEN
    offsets: dict[tuple[str, Place], int] = field(default_factory=dict)


@dataclass(frozen=True)
class Stored:
    """A record in a partition, with the part of `confluent_kafka.Message` that is read here."""

    place: Place
    place_offset: int
    stored_key: bytes | None
    stored_value: bytes | None
    stored_headers: tuple[tuple[str, bytes | None], ...] = ()
    transaction: Transaction | None = None

    @property
    def readable(self) -> bool:
        """Whether a reader of committed records sees it."""
        return self.transaction is None or self.transaction.status is Status.COMMITTED

    def topic(self) -> str:
        return self.place[0]

    def partition(self) -> int:
        return self.place[1]

    def offset(self) -> int:
        return self.place_offset

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
    """A member of a group, as the group sees it.

    Attributes:
        owned: partitions that nobody else may have.
        asked: of these, what it is to give up.
        news: what its client has to be told, in order: (event, partitions).
    """

    owned: set[Place] = field(default_factory=set)
    asked: set[Place] = field(default_factory=set)
    news: list[tuple[str, list[Place]]] = field(default_factory=list)


class Group:
    """A consumer group and its coordinator's part in a cooperative rebalance."""

    def __init__(self, places: list[Place]) -> None:
        self.generation = 0
        self.members: dict[int, Member] = {}
        self.offsets: dict[Place, int] = {}
        self._places = places
        self._named = 0

    def join(self) -> int:
        """Add a member and return its id."""
        self._named += 1
        self.members[self._named] = Member()
        self.rebalance()
        return self._named

    def leave(self, member: int) -> None:
        """Remove a member, because it says so or because it was not heard of for too long."""
        if self.members.pop(member, None) is not None:
            self.rebalance()

    def release(self, member: int, places: list[Place]) -> None:
        """Hear that a member gave up what it was told to give up."""
        if member in self.members:
            self.members[member].owned -= set(places)
            self.members[member].asked -= set(places)
            self.rebalance()

    def rebalance(self) -> None:
        """Begin a generation: ask owners for what is to move, give out what is free."""
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
                self.members[name].news.append(("assigned", free))
            wanted = self.members[name].owned - set(fair) - self.members[name].asked
            if wanted:
                self.members[name].asked |= wanted
                self.members[name].news.append(("revoked", sorted(wanted)))

    def check(self, member: int | None, generation: int, *, transactional: bool) -> None:
        """Refuse offsets of a member that is out, or that is behind.

        Raises:
            KafkaException: UNKNOWN_MEMBER_ID or ILLEGAL_GENERATION.
        """
        if member is None and generation < 0 and (transactional or not self.members):
            return  # offsets that name neither are taken from anybody
        if member is None or member not in self.members:
            raise refusal(KafkaError.UNKNOWN_MEMBER_ID, abortable=True)
        if generation != self.generation:
            raise refusal(KafkaError.ILLEGAL_GENERATION, abortable=True)


class Broker:
    """Topics, transactions and groups.

    Attributes:
        input: the partitions that detectors read.
        logs: the records of each partition.
        commits: how often offsets or transactions were committed.
    """

    def __init__(self, topic: str, partitions: int) -> None:
        self.input = [(topic, number) for number in range(partitions)]
        self.logs: defaultdict[Place, list[Stored]] = defaultdict(list)
        self.commits = 0
        self._epochs: defaultdict[str, int] = defaultdict(int)
        self._open: dict[str, Transaction] = {}
        self._groups: dict[str, Group] = {}

    def group(self, name: str) -> Group:
        """Return the group of that name, made when it is first asked for."""
        if name not in self._groups:
            self._groups[name] = Group(self.input)
        return self._groups[name]

    def append(
        self,
        place: Place,
        key: bytes | None,
        value: bytes | None,
        headers: tuple[tuple[str, bytes | None], ...] = (),
        transaction: Transaction | None = None,
    ) -> None:
        """Add a record at the partition's end."""
        log = self.logs[place]
        log.append(Stored(place, len(log), key, value, headers, transaction))

    def partition_of(self, topic: str, key: bytes | None) -> Place:
        """Return where a record of that key goes: by its hash, to one of two partitions."""
        return (topic, zlib.crc32(key or b"") % 2)

    def committed(self, topic: str) -> list[Stored]:
        """Return what a reader of committed records sees of a topic."""
        places = sorted(place for place in self.logs if place[0] == topic)
        return [record for place in places for record in self.logs[place] if record.readable]

    def unstable(self, group: str, place: Place) -> bool:
        """Tell whether an open transaction may still move the group's offset there."""
        return any((group, place) in one.offsets for one in self._open.values())

    def forget(self, group: str, place: Place, offset: int) -> None:
        """Remember an earlier offset, and none that waits in an open transaction.

        So does a coordinator that answers before it has read its log; 0 is none at all.
        """
        offsets = self.group(group).offsets
        offsets[place] = min(offset, offsets.get(place, 0))
        for transaction in self._open.values():
            transaction.offsets.pop((group, place), None)

    def initialise(self, name: str) -> int:
        """Give a transactional id to a new producer and return its epoch."""
        self._end(name, Status.ABORTED)
        self._epochs[name] += 1
        return self._epochs[name]

    def epoch(self, name: str) -> int:
        """Return the epoch of the id's youngest producer; 0 where there was none."""
        return self._epochs[name]

    def time_out(self, name: str) -> None:
        """Abort what was left open for too long; its producer is fenced."""
        if name in self._open:
            self.initialise(name)

    def begun(self, name: str, epoch: int) -> Transaction:
        """Return the open transaction of a producer, begun if there is none.

        Raises:
            KafkaException: _FENCED, fatal, if a younger producer has the id.
        """
        self._refuse_fenced(name, epoch)
        return self._open.setdefault(name, Transaction())

    def commit(self, name: str, epoch: int) -> None:
        """Make a transaction's records readable and its offsets the group's."""
        self._refuse_fenced(name, epoch)
        self._end(name, Status.COMMITTED)

    def abort(self, name: str, epoch: int) -> None:
        """Make a transaction as if it had never been."""
        self._refuse_fenced(name, epoch)
        self._end(name, Status.ABORTED)

    def _refuse_fenced(self, name: str, epoch: int) -> None:
        if self._epochs[name] != epoch:
            raise refusal(KafkaError._FENCED, fatal=True)

    def _end(self, name: str, status: Status) -> None:
        transaction = self._open.pop(name, None)
        if transaction is None:
            return
        transaction.status = status
        if status is Status.COMMITTED:
            self.commits += 1
            for (group, place), offset in transaction.offsets.items():
                self.group(group).offsets[place] = offset


def refusal(
    code: int, *, fatal: bool = False, retriable: bool = False, abortable: bool = False
) -> KafkaException:
    """Return the exception that a client raises."""
    return KafkaException(KafkaError(code, None, fatal, retriable, abortable))
