"""The in-memory Kafka, the processes on it, and the invariants that are checked at every step."""

import zlib
from collections import Counter
from enum import Enum

from greenlet import getcurrent

from consumer.commit.exactly_once import ExactlyOnce
from consumer.detector.checkpoint import Checkpoint
from consumer.detector.loop import Detector
from consumer.detector.positions import METADATA_PREFIX
from consumer.detector.source import Source
from events.codec import decode_alert, decode_journal_entry, encode, read_dead_letter
from events.messages import FEATURES, Transaction
from kafkaio.gaps import Gap, GapReason
from kafkaio.partitions import PartitionId
from tests.order.memory import Broker
from tests.order.process import FAULTS, GROUP, TOPICS, Fault, Notice, Process, Setup, Sink

PARTITIONS = 2
PATIENCE = 1000  # steps of each process; a batch takes about a dozen


Origin = tuple[str, PartitionId, int]
"""A topic's id, a partition and an offset: where a record was published."""


class Kind(Enum):
    """The kind of a published record."""

    LEGITIMATE = "legitimate"
    FRAUD = "fraud"
    POISON = "poison"


def payload(name: str, kind: Kind) -> bytes:
    """Return the value of a record."""
    if kind is Kind.POISON:
        return b"{" + name.encode()
    numbers = dict.fromkeys(FEATURES, 0.0) | {"V1": float(kind is Kind.FRAUD)}
    return encode(Transaction(transaction_id=name, **numbers))


class World:
    """The in-memory Kafka, the processes on it, and the invariants.

    Args:
        sink_class: how the processes commit.
        detector_class: their loop.
        source_class: how they read.
        checkpoint_class: how they keep what is not committed.
        batch_maximum: records in a batch, at most.
        commit_interval: seconds that offsets without results may wait; a turn takes 0.1 s.
        reads_journal: whether processes continue where the journal ends; else after the group's
            outputs, should it have no committed offsets.

    Attributes:
        broker: the in-memory Kafka.
        processes: all that were ever started, in the order of their start.
        failed: the faults so far, each with its call and side.
    """

    def __init__(
        self,
        sink_class: type[Sink] = ExactlyOnce,
        detector_class: type[Detector] = Detector,
        source_class: type[Source] = Source,
        checkpoint_class: type[Checkpoint] = Checkpoint,
        *,
        batch_maximum: int = 3,
        commit_interval: float = 1.0,
        reads_journal: bool = True,
    ) -> None:
        self.broker = Broker(TOPICS.transactions, PARTITIONS)
        self.reported: list[Gap] = []
        self.processes: list[Process] = []
        self.failed: set[tuple[tuple[str, str], Fault]] = set()
        self._setup = Setup(
            self.broker,
            getcurrent(),
            self.reported,
            sink_class,
            detector_class,
            source_class,
            checkpoint_class,
            batch_maximum,
            commit_interval,
            reads_journal,
        )
        self._published: dict[Origin, tuple[str, Kind]] = {}
        self._gone: set[Origin] = set()
        self._checked = 0
        self._forgot = False
        self._expired = False

    @property
    def living(self) -> list[Process]:
        """The processes that have not ended."""
        return [process for process in self.processes if process.ended is None]

    @property
    def promises_exactly_once(self) -> bool:
        """Whether nothing may be processed twice."""
        return issubclass(self._setup.sink_class, ExactlyOnce)

    def publish(self, partition: int, kind: Kind) -> None:
        """Append a record to the input."""
        place = self.broker.input[partition]
        offset = len(self.broker.logs[place])
        name = f"row-{self.broker.topic_id}-{partition}-{offset}"
        self._published[self.broker.topic_id, place, offset] = (name, kind)
        self.broker.append(place, name.encode(), payload(name, kind))

    def start(self, name: str) -> Process:
        """Start a process; a living one of the same name becomes a zombie."""
        process = Process(self._setup, name)
        self.processes.append(process)
        self.step(process)
        return process

    def step(self, process: Process, fault: Fault | None = None) -> None:
        """Let a process continue to its next call, or fail at this one; check the invariants."""
        if fault is not None:
            self.failed.add((process.call, fault))
        process.step(fault)
        self._check_commits()

    def fail(self, process: Process, fault: Fault, *, patience: int = 40) -> None:
        """Let a process continue to a call at which this fault is possible, and fail it there."""
        for _ in range(patience):
            if process.ended is not None:
                return
            if fault in FAULTS.get(process.call, ()):
                self.step(process, fault)
                return
            self.step(process)

    def expire(self, process: Process, notice: Notice = Notice.NONE) -> None:
        """Have the group evict a process, as if its session had timed out."""
        if process.member is not None:
            self.broker.group(GROUP).leave(process.member)
            process.notice(notice)

    def forget(self, partition: int, offset: int) -> None:
        """Have Kafka report, for a moment, an earlier offset of the group."""
        self._forgot = True
        self.broker.forget(GROUP, self.broker.input[partition], offset)

    def expire_offsets(self) -> None:
        """Have all processes die, and Kafka delete the group's offsets, which takes a week.

        Nothing may be lost that no process has noticed: nothing is left then that would show it.
        """
        for process in self.living:
            process.crash()
        for process in self.processes:
            self.expire(process)
            self.broker.time_out(process.name)
        if not self._lost_silently():
            self._expired = True
            self.broker.expire(GROUP)

    def delete(self, partition: int, before: int) -> None:
        """Have retention delete a partition's records, once the group has a position in it."""
        place = self.broker.input[partition]
        if place in self.broker.group(GROUP).metadata:
            first, before = self.broker.starts[place], min(before, len(self.broker.logs[place]))
            self.broker.starts[place] = max(first, before)
            self._gone |= {(self.broker.topic_id, place, offset) for offset in range(first, before)}

    def recreate(self) -> None:
        """Delete the input and create it again, once the group has a position everywhere in it."""
        if self.broker.group(GROUP).metadata.keys() >= set(self.broker.input):
            self._gone |= self._published.keys()
            self.broker.recreate()

    def recover(self) -> None:
        """Restart what ended, and let everything run without faults until all is processed.

        The group evicts dead members. A transaction times out only if two processes of one name
        were alive at once: a process that restarts under the name of its predecessor must abort
        what that one left open.

        Raises:
            AssertionError: if it never ends, or an invariant is violated.
        """
        if self._expired:
            self._publish_where_nothing_is_committed()
        names = list(dict.fromkeys(process.name for process in self.processes))
        for _ in range(PATIENCE):
            for name in names:
                namesakes = [process for process in self.processes if process.name == name]
                if namesakes[-1].ended:
                    self.start(name)
                elif any(process.ended and process.has_its_id for process in namesakes):
                    # Two of one name were alive; the later one was fenced, the other one died.
                    self.broker.time_out(name)
            for process in self.processes:
                if process.ended is None:
                    self.step(process)
                else:
                    self.expire(process)
            if self._done():
                return
        ends = {place: len(self.broker.logs[place]) for place in self.broker.input}
        raise AssertionError(
            f"stuck at {self.broker.group(GROUP).offsets} of {ends}; "
            f"lost and not reported: {self._lost_silently()}"
        )

    def _publish_where_nothing_is_committed(self) -> None:
        """Have the group commit in each partition, which tells that all is processed."""
        for partition, place in enumerate(self.broker.input):
            if place not in self.broker.group(GROUP).offsets:
                self.publish(partition, Kind.LEGITIMATE)

    def close(self) -> None:
        """End all processes: a paused greenlet would never be freed."""
        for process in self.living:
            process.crash()

    def check_all(self) -> None:
        """Check that everything that was published was processed.

        Raises:
            AssertionError: if not.
        """
        self._check(self._published.keys() - self._gone)
        self._check_reports()

    def _done(self) -> bool:
        group = self.broker.group(GROUP)
        at_ends = all(
            (self._forgot or group.offsets[place] == len(self.broker.logs[place]))
            and self._is_current(place)
            if place in group.offsets
            else not self.broker.logs[place]
            for place in self.broker.input
        )
        return at_ends and not (
            self._published.keys() - self._gone - self._covered().keys() or self._lost_silently()
        )

    def _is_current(self, place: PartitionId) -> bool:
        """Return whether the group's offset is one in the topic that is there now."""
        metadata = self.broker.group(GROUP).metadata.get(place, "")
        return metadata in {"", METADATA_PREFIX + self.broker.topic_id}

    def _check_commits(self) -> None:
        if self.broker.commits != self._checked:
            self._checked = self.broker.commits
            group = self.broker.group(GROUP)
            self._check(
                {
                    (group.metadata[place].removeprefix(METADATA_PREFIX), place, number)
                    for place, end in group.offsets.items()
                    if place in group.metadata
                    for number in range(end)
                }
                - self._gone
            )

    def _reported(self) -> tuple[set[tuple[PartitionId, int]], set[PartitionId]]:
        """Return the offsets that were reported as deleted, and the partitions as recreated."""
        deleted: set[tuple[PartitionId, int]] = set()
        recreated: set[PartitionId] = set()
        for gap in self.reported:
            place = (gap.topic, gap.partition)
            if gap.reason is GapReason.DELETED:
                deleted |= {(place, offset) for offset in range(gap.first, gap.next)}
            else:
                recreated.add(place)
        return deleted, recreated

    def _lost_silently(self) -> set[Origin]:
        """Return the records that were never processed, cannot be read, and are not reported."""
        deleted, recreated = self._reported()
        return {
            (topic_id, place, offset)
            for topic_id, place, offset in self._gone - self._covered().keys()
            if (place, offset) not in deleted
            and (topic_id == self.broker.topic_id or place not in recreated)
        }

    def _check_reports(self) -> None:
        """Check that what was reported as lost is lost."""
        deleted, recreated = self._reported()
        gone = {(place, offset) for _, place, offset in self._gone}
        assert deleted <= gone, f"reported as lost, but is there: {deleted - gone}"
        assert self.broker.incarnation > 1 or not recreated, f"not recreated: {recreated}"

    def _check(self, done: set[Origin]) -> None:
        """Compare what a `read_committed` reader sees with what is committed as done."""
        exactly = self.promises_exactly_once
        covered = self._covered()
        if self._forgot or self._expired:
            done = done | covered.keys()
        alerts = Counter(
            decode_alert(record.value()).transaction_id
            for record in self.broker.committed(TOPICS.alerts)
        )
        letters = Counter(
            (letter.value or b"").removeprefix(b"{").decode()
            for record in self.broker.committed(TOPICS.dead_letters)
            for letter in [read_dead_letter(record.key(), record.value(), record.stored_headers)]
        )
        for origin, (name, kind) in self._published.items():
            times = {
                "covered by the journal": (covered[origin], True),
                "alerts": (alerts.pop(name, 0), kind is Kind.FRAUD),
                "dead letters": (letters.pop(name, 0), kind is Kind.POISON),
            }
            for output, (count, expected) in times.items():
                if origin in done:
                    once = exactly and not (self._expired and output == "covered by the journal")
                    right = count == int(expected) if once else (count > 0) == expected
                else:
                    right = count == 0 or not exactly or (origin in self._gone and count == 1)
                assert right, f"{name}, {kind.value}: {output} {count} times"
        assert not alerts, f"unexpected alerts: {alerts}"
        assert not letters, f"unexpected dead letters: {letters}"
        if exactly:
            self._check_metrics()

    def _check_metrics(self) -> None:
        """Compare what processes counted with what they committed: never more than that.

        It may be less: a process can end between a commit and its count.
        """
        committed: Counter[str] = Counter()
        for record in self.broker.committed(TOPICS.journal):
            entry = decode_journal_entry(record.value())
            if record.transaction is not None:
                committed[record.transaction.name] += entry.next - entry.first
        for process in self.processes:
            committed[process.name] -= process.counted.records
        excess = -committed
        assert not excess, f"counted more often than committed: {excess}"

    def _covered(self) -> Counter[Origin]:
        """Count how often the journal covers each offset; check the counts of its entries."""
        covered: Counter[Origin] = Counter()
        for record in self.broker.committed(TOPICS.journal):
            entry = decode_journal_entry(record.value())
            topic_id = (record.key() or b"").decode().removeprefix(f"{GROUP} ")
            place = (entry.topic, entry.partition)
            origins = [(topic_id, place, offset) for offset in range(entry.first, entry.next)]
            assert self._published.keys() >= set(origins), f"{entry} covers what was not published"
            names = [self._published[origin] for origin in origins]
            readable = [name for name, kind in names if kind is not Kind.POISON]
            assert entry.scored == len(readable), f"{entry} covers {names}"
            assert entry.refused == len(names) - len(readable), f"{entry} covers {names}"
            assert entry.digest == sum(zlib.crc32(name.encode()) for name in readable), f"{entry}"
            covered.update(origins)
        return covered
