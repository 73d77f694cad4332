"""Everything since the last commit: offsets, accounts, gaps, metrics, the rejection history.

Nothing else in the detector keeps state that a commit applies and a rollback undoes. Metrics move
at the commit and not before, so work that is done again after an abort is counted once.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import methodcaller
from typing import TYPE_CHECKING

import numpy as np
from confluent_kafka import TopicPartition
from numpy.typing import NDArray

from consumer.commit.journal import Account
from consumer.detector.dead_letter_limit import DeadLetterLimit
from consumer.detector.positions import METADATA_PREFIX
from consumer.detector.rejections import Rejections
from consumer.errors import OffsetOrderError
from events.errors import Reason
from kafkaio.gaps import Gap, log_gap

if TYPE_CHECKING:
    from consumer.detector.decode import Batch
    from consumer.detector.event_time import EventTimeDefect
    from consumer.detector.metrics import DetectorMetrics
    from consumer.detector.protocols import InputRecord, Trigger
    from kafkaio.partitions import PartitionId

logger = logging.getLogger(__name__)

_partition = methodcaller("partition")


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What one micro-batch adds to the metrics.

    Attributes:
        topic: that it was read from.
        records: that were read.
        trigger: what ended the batch.
        rejected: the reason of each rejected record.
        scores: of the accepted ones, float32 [n].
        latencies: from event time to scored, seconds, where the event time is plausible.
        flagged_event_times: of the flagged transactions, seconds since the epoch, where plausible.
        flagged_amounts: the money behind each flagged transaction, float64 [f].
        drift_sample: rows for the drift metrics, float32 [m, 31].
        event_time_defects: transactions whose event time is not plausible, by reason.
    """

    topic: str
    records: int
    trigger: "Trigger"
    rejected: Sequence[Reason]
    scores: NDArray[np.float32]
    latencies: NDArray[np.float64]
    flagged_event_times: NDArray[np.float64]
    flagged_amounts: NDArray[np.float64]
    drift_sample: NDArray[np.float32]
    event_time_defects: Mapping["EventTimeDefect", int] = field(default_factory=dict)


class Checkpoint:
    """What was read and scored since the last commit, with `commit` and `rollback`.

    A batch passes through three steps: `add` when it is read, `check_rejections` when it is
    decoded, `complete` when it is scored. `offsets` and `accounts` are what a sink commits; then
    `commit` applies the rest, or `rollback` undoes all of it.

    Args:
        metrics: what `commit` moves.
        limit: on rejected records.
        report: called with each gap.
    """

    def __init__(
        self,
        metrics: "DetectorMetrics",
        limit: DeadLetterLimit,
        report: Callable[[Gap], None] = log_gap,
    ) -> None:
        self._metrics = metrics
        self._report = report
        self._accounts: dict[PartitionId, Account] = {}
        self._results: list[BatchResult] = []
        self._rejections = Rejections(limit, metrics.rejected_partitions.set)
        self._batch_runs: list[tuple[PartitionId, int]] = []
        self._topic_id = ""
        self._gaps: list[Gap] = []
        self._committed: dict[PartitionId, int] = {}
        self._uncertain: dict[PartitionId, int] = {}
        self._expected: dict[PartitionId, int] = {}

    def __bool__(self) -> bool:
        """Whether there is anything to commit."""
        return bool(self._accounts)

    def add(self, records: Sequence["InputRecord"]) -> None:
        """Add the offsets of a batch, n > 0 records.

        Raises:
            OffsetOrderError: if a partition's offsets do not rise: committing them would count
                records twice.
        """
        self._batch_runs = []
        for first, last, count in _runs(records):
            partition = (first.topic(), first.partition())
            self._batch_runs.append((partition, count))
            following = last.offset() + 1
            expected = self._expected.get(partition, first.offset())
            skipped = following - expected - count
            if first.offset() < expected or skipped < 0:
                raise OffsetOrderError(
                    f"Offsets {first.offset()} to {last.offset()} of {partition[0]} "
                    f"[{partition[1]}] came where {expected} was expected; a restart continues "
                    "from the last commit."
                )
            if skipped:
                # Markers of transactions and aborted records leave such gaps, too.
                logger.debug("%d offsets of %s [%d] were not read.", skipped, *partition)
            self._expected[partition] = following
            account = self._accounts.setdefault(
                partition, Account(*partition, first.offset(), following)
            )
            account.next = following

    def check_rejections(self, batch: "Batch") -> None:
        """Count the rejected records of the batch that was added last.

        Raises:
            TooManyDeadLettersError: if a limit is reached and says to stop, so that nothing of the
                batch may be committed.
        """
        self._rejections.add(self._batch_runs, batch)

    def account(self, records: Sequence["InputRecord"], batch: "Batch") -> None:
        """Add to each partition's account what the model scored of a batch, for the journal."""
        ids = iter(batch.ids)
        for record, rejected in zip(records, batch.rejected.tolist(), strict=True):
            account = self._accounts[record.topic(), record.partition()]
            if rejected:
                account.rejected += 1
            else:
                account.add_scored(next(ids))

    def complete(self, result: BatchResult) -> None:
        """Add what a batch contributes to the metrics."""
        self._results.append(result)

    def identified(self, topic_id: str) -> None:
        """Take the id of the topic, which is committed with the offsets in it."""
        self._topic_id = topic_id

    @property
    def topic_id(self) -> str:
        """The id of the topic that is read; empty before it is known."""
        return self._topic_id

    def skip(self, gap: Gap) -> None:
        """Report records that cannot be read, after everything before them is committed.

        The next commit covers the gap, so it is reported before: a process that dies in between
        reports it, and so does the next one. A rollback keeps the gap: reading again does not bring
        the records back.
        """
        self._report(gap)
        self._gaps.append(gap)
        self._begin_after(gap)

    def recreate(self, topic_id: str, gaps: Sequence[Gap]) -> list[Gap]:
        """Start over with another topic of the same name; return the gaps in the deleted one.

        Args:
            topic_id: of the new topic.
            gaps: one for each owned partition, up to the known end; this sets where it begins.
        """
        self.rollback()
        positions = self._expected
        self._gaps = []
        self._accounts, self._expected, self._committed = {}, {}, {}
        self._topic_id = topic_id
        return [
            replace(gap, first=positions.get((gap.topic, gap.partition), gap.next)) for gap in gaps
        ]

    def offsets(self) -> list[TopicPartition]:
        """Return the next-to-read offset of each partition, to be committed."""
        return [
            TopicPartition(
                account.topic, account.partition, account.next, METADATA_PREFIX + self._topic_id
            )
            for account in self._accounts.values()
        ]

    def accounts(self) -> Iterable[Account]:
        """Return what was done with each partition's records."""
        return self._accounts.values()

    def committed(self, topic: str, partition: int) -> int:
        """Return the last offset that was committed here for a partition; 0 if none was."""
        return self._committed.get((topic, partition), 0)

    def position(self, topic: str, partition: int) -> int:
        """Return the offset after the last one that was read of an owned partition; 0 for none."""
        return self._expected.get((topic, partition), 0)

    def commit(self, *, now: float) -> None:
        """Apply everything, after the sink has committed it.

        Args:
            now: when the commit was acknowledged, seconds since the epoch.
        """
        self._apply({key: account.next for key, account in self._accounts.items()}, now)
        self._clear()

    def suspend(self) -> None:
        """Keep everything after a commit whose outcome is not known, until `settle`."""
        self._uncertain = {key: account.next for key, account in self._accounts.items()}

    def uncertain(self) -> list[TopicPartition]:
        """Return the offsets whose commit is not known to have taken effect."""
        return [TopicPartition(*key, offset) for key, offset in self._uncertain.items()]

    def settle(self, committed: Mapping["PartitionId", int], *, now: float) -> bool:
        """Apply what `suspend` kept, if it was committed; return whether it was.

        Call `rollback` next: it undoes the rest, which is what was added since.

        Args:
            committed: the committed offset of each partition of `uncertain`. A commit moves all of
                its offsets or none; and nobody else moves them while the partitions are owned.
            now: seconds since the epoch.
        """
        uncertain, self._uncertain = self._uncertain, {}
        if any(committed[key] < offset for key, offset in uncertain.items()) or not uncertain:
            return False
        for key, offset in uncertain.items():
            self._accounts[key].first = offset
        self._apply(uncertain, now)
        return True

    def rollback(self) -> list[TopicPartition]:
        """Undo everything; return the offset to rewind each partition to."""
        positions = [
            TopicPartition(account.topic, account.partition, account.first)
            for account in self._accounts.values()
        ]
        self._expected |= {key: account.first for key, account in self._accounts.items()}
        self._rejections.rollback()
        self._clear()
        for gap in self._gaps:
            self._begin_after(gap)
        return positions

    def release(self, partitions: Iterable[TopicPartition]) -> None:
        """Drop partitions that were revoked or lost: their next owner reads them again."""
        released = {(partition.topic, partition.partition) for partition in partitions}
        for partition in released:
            self._accounts.pop(partition, None)
            self._expected.pop(partition, None)
            self._uncertain.pop(partition, None)
        self._gaps = [gap for gap in self._gaps if (gap.topic, gap.partition) not in released]
        self._rejections.release(released)

    def _apply(self, offsets: Mapping["PartitionId", int], now: float) -> None:
        self._committed |= offsets
        self._rejections.commit()
        self._metrics.add(self._results, now=now)
        self._results = []
        for gap in self._gaps:
            self._metrics.skip(gap)
        self._gaps = []

    def _begin_after(self, gap: Gap) -> None:
        partition = (gap.topic, gap.partition)
        self._accounts[partition] = Account(*partition, gap.resume, gap.resume)
        self._expected[partition] = gap.resume

    def _clear(self) -> None:
        self._accounts = {}
        self._uncertain = {}
        self._results = []


def _runs(
    records: Sequence["InputRecord"],
) -> Iterable[tuple["InputRecord", "InputRecord", int]]:
    """Yield the first and the last record, and the number, of each run of one partition.

    A client hands over records partition by partition, so there are few runs.
    """
    partitions = np.fromiter(map(_partition, records), np.int32, len(records))
    starts = [0, *(np.flatnonzero(np.diff(partitions)) + 1).tolist()]
    for start, end in zip(starts, [*starts[1:], len(records)], strict=True):
        yield records[start], records[end - 1], end - start
