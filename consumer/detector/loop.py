"""The one loop: read a micro-batch, decode, score, decide, emit, commit, measure."""

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
from confluent_kafka import KafkaException, TopicPartition
from numpy.typing import NDArray

from consumer.commit.journal import Journal
from consumer.commit.patience import Patience
from consumer.commit.sink import (
    AbortedError,
    CommitSink,
    OutputRecord,
    UnavailableError,
    UncertainError,
)
from consumer.detector.checkpoint import BatchResult, Checkpoint
from consumer.detector.decide import Decider
from consumer.detector.decode import Batch, Decoder, concatenate
from consumer.detector.event_time import measure
from consumer.detector.protocols import InputRecord, RecordSource, Trigger
from consumer.detector.score import ScoreRows, ScoringPipeline
from consumer.errors import CommitError, RecordsLostError
from consumer.telemetry.health import Health
from kafkaio.connectivity import Reachability
from kafkaio.gaps import Gap

if TYPE_CHECKING:
    from consumer.detector.metrics import DetectorMetrics
    from kafkaio.partitions import PartitionId

logger = logging.getLogger(__name__)


class Stage(StrEnum):
    """A step of the loop that is timed."""

    DECODE = "decode"
    SCORE = "score"
    PRODUCE = "produce"
    COMMIT = "commit"


class CommitOutcome(StrEnum):
    """How a commit of offsets ended."""

    COMMITTED = "committed"
    ABORTED = "aborted"
    FAILED = "failed"


class RebalanceEvent(StrEnum):
    """What the group did with partitions of this member."""

    ASSIGNED = "assigned"
    REVOKED = "revoked"
    LOST = "lost"


class OnGap(StrEnum):
    """What to do about records that cannot be read."""

    REPORT = "report"
    """Log and count them, and continue after them."""

    STOP = "stop"
    """Stop before them."""


class Detector:
    """Reads transactions and writes alerts, until it is stopped.

    When is what committed: a batch that raised an alert or a dead letter commits at once; a batch
    that raised none has nothing to duplicate, so its offsets ride with the next commit, or with
    the commit interval. No transaction is open between two batches, so a rebalance, which happens
    only within a read, never meets one.

    Args:
        source: the input topic.
        decoder: from records to features.
        score: the model.
        executor: one thread that scores beside the loop; the caller closes it.
        decider: what a batch emits.
        sink: commits results and offsets.
        patience: how long commits may fail in a row.
        checkpoint: everything since the last commit.
        metrics: what is measured.
        health: updated at each turn of the loop and each assignment.
        commit_interval: seconds that offsets without results may wait.
        journal: where each commit also records what it covers; None for nowhere.
        on_gap: what to do about records that cannot be read.
        monotonic: seconds for durations.
        wall: seconds since the epoch, for event times.
    """

    def __init__(
        self,
        source: RecordSource,
        decoder: Decoder,
        score: ScoreRows,
        *,
        executor: Executor,
        decider: Decider,
        sink: CommitSink,
        patience: Patience,
        checkpoint: Checkpoint,
        metrics: "DetectorMetrics",
        health: Health,
        commit_interval: float,
        journal: Journal | None = None,
        on_gap: OnGap = OnGap.REPORT,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._source = source
        self._decoder = decoder
        self._score = score
        self._executor = executor
        self._decider = decider
        self._sink = sink
        self._patience = patience
        self._checkpoint = checkpoint
        self._metrics = metrics
        self._health = health
        self._commit_interval = commit_interval
        self._journal = journal
        self._on_gap = on_gap
        self._monotonic = monotonic
        self._wall = wall
        self._last_commit = monotonic()
        self._must_open = False
        self._must_rewind = False
        self._committed: Mapping[PartitionId, int] | None = None
        metrics.threshold.set(decider.threshold)

    def run(
        self, *, stopped: Callable[[], bool], wait_until_reachable: Callable[[], Reachability]
    ) -> None:
        """Run until `stopped` returns True, then commit and leave the group.

        Args:
            stopped: called once a turn, so within a batch's time or 0.1 s.
            wait_until_reachable: called once a turn, before anything that needs Kafka; blocks
                while Kafka is away.

        Raises:
            FraudstreamError: if this process cannot continue.
        """
        self._source.subscribe(self)
        try:
            self._loop(stopped, wait_until_reachable)
        except BaseException:
            self._abandon()
            raise
        finally:
            self._source.close()

    def _loop(
        self, stopped: Callable[[], bool], wait_until_reachable: Callable[[], Reachability]
    ) -> None:
        while not stopped():
            records, trigger = self._source.read()
            reachability = wait_until_reachable()
            if reachability is Reachability.STOPPED:
                self._abandon()
                return
            if reachability is Reachability.RECOVERED:
                self._must_open = True
            if records:
                self._checkpoint.add(records)
            if self._must_open and not self._open():
                self._must_rewind = True  # nothing of this turn can be committed
            elif self._must_rewind:
                self._rewind()
            elif records:
                self._process(records, trigger)
            elif self._checkpoint and self._commit_is_due():
                self._commit([])
            self._health.heartbeat()
        if not self._must_rewind:
            self._commit([])

    def _process(self, records: Sequence[InputRecord], trigger: Trigger) -> None:
        topic = records[0].topic()
        started = self._monotonic()
        pipeline = ScoringPipeline(self._score, self._executor)
        chunks = []
        for chunk in self._decoder.chunks(records):
            pipeline.submit(chunk.features)
            chunks.append(chunk)
        batch = concatenate(chunks)
        self._checkpoint.check_rejections(batch)
        decoded = self._monotonic()
        scores = pipeline.results()
        now = self._wall()
        self._metrics.stages[Stage.DECODE].observe(decoded - started)
        self._metrics.stages[Stage.SCORE].observe(self._monotonic() - decoded)

        flagged = self._decider.flagged(scores)
        latencies = measure(batch.event_times, now)
        if self._journal:
            self._checkpoint.account(records, batch)
        self._checkpoint.complete(
            BatchResult(
                topic=topic,
                records=len(records),
                trigger=trigger,
                rejected=batch.reasons,
                scores=scores,
                latencies=latencies.seconds,
                flagged_event_times=batch.event_times[flagged][latencies.is_plausible[flagged]],
                flagged_amounts=batch.amounts[flagged],
                drift_sample=self._metrics.drift.sample(batch.features, scores),
                event_time_defects=latencies.defects,
            )
        )
        self._emit(records, batch, scores, flagged, now)
        self._metrics.last_batch.set(now)

    def _emit(
        self,
        records: Sequence[InputRecord],
        batch: Batch,
        scores: NDArray[np.float32],
        flagged: NDArray[np.intp],
        now: float,
    ) -> None:
        output = self._decider.emit(
            records, batch, scores, flagged, topic_id=self._checkpoint.topic_id, now=now
        )
        if output or self._commit_is_due():
            self._commit(output)

    def _commit_is_due(self) -> bool:
        return self._monotonic() - self._last_commit >= self._commit_interval

    def _commit(self, output: Sequence[OutputRecord]) -> None:
        """Commit the checkpoint; after a failure, have the next turn open the sink and rewind."""
        if not self._checkpoint:
            return
        if self._journal:
            output = [*output, *self._journal.records(self._checkpoint.accounts())]
        try:
            timings = self._sink.commit(output, self._checkpoint.offsets())
        except AbortedError as error:
            self._metrics.commits[CommitOutcome.ABORTED].inc()
            self._retry_later(error)
            return
        except UncertainError as error:
            self._checkpoint.suspend()
            self._committed = None
            self._retry_later(error)
            return
        except CommitError:
            self._metrics.commits[CommitOutcome.FAILED].inc()
            raise
        self._checkpoint.commit(now=self._wall())
        self._count_commit()
        self._metrics.stages[Stage.PRODUCE].observe(timings.produce)
        self._metrics.stages[Stage.COMMIT].observe(timings.commit)

    def _count_commit(self) -> None:
        self._last_commit = self._monotonic()
        self._patience.reset()
        self._metrics.commits[CommitOutcome.COMMITTED].inc()

    def _retry_later(self, error: Exception) -> None:
        self._must_open = self._must_rewind = True
        self._patience.wait(error)

    def _open(self) -> bool:
        """Replace the sink's producer; return False if Kafka does not register one at present."""
        try:
            self._sink.open()
        except UnavailableError as error:
            self._patience.wait(error)
            return False
        self._must_open = False
        return True

    def _rewind(self) -> None:
        """Roll back, and read everything since the last commit again, this batch included.

        A commit whose outcome was not known is applied first if it turns out to have taken effect.
        """
        if self._checkpoint.uncertain() and not self._settle():
            return
        self._source.rewind(self._checkpoint.rollback())
        self._must_rewind = False

    def _settle(self) -> bool:
        """Apply or drop a commit without an answer; return False if that takes another turn.

        The answer is used after another read: partitions that we lost before we asked, and whose
        next owner may have moved the offsets, are released there.
        """
        if self._committed is None:
            try:
                self._committed = self._source.committed(self._checkpoint.uncertain())
            except KafkaException as error:
                self._patience.wait(error.args[0].str())
            return False
        committed, self._committed = self._committed, None
        if self._checkpoint.settle(committed, now=self._wall()):
            self._count_commit()
        else:
            self._metrics.commits[CommitOutcome.ABORTED].inc()
        return True

    def _abandon(self) -> None:
        """Commit nothing any more, not even when the group is left; the next process does it."""
        self._checkpoint.rollback()
        self._must_rewind = True

    def identified(self, topic_id: str) -> None:
        """Take the id of the input topic."""
        self._checkpoint.identified(topic_id)
        if self._journal:
            self._journal.source_id = topic_id

    def skipped(self, gaps: Sequence[Gap]) -> bool:
        """Commit what was read before the gaps; the next commit covers them."""
        if not self._must_rewind:
            self._commit([])
        if self._must_rewind:
            return False
        self._skip(gaps)
        return True

    def recreated(self, topic_id: str, gaps: Sequence[Gap]) -> None:
        """Commit what was read of the deleted topic, if possible, and start with the new one."""
        if not self._must_rewind:
            self._commit([])
        self._must_rewind = False
        self._committed = None
        gaps = self._checkpoint.recreate(topic_id, gaps)
        self.identified(topic_id)
        self._skip(gaps)

    def _skip(self, gaps: Sequence[Gap]) -> None:
        if self._on_gap is OnGap.STOP:
            raise RecordsLostError(" ".join(map(str, gaps)))
        for gap in gaps:
            self._checkpoint.skip(gap)

    def assigned(self, partitions: Sequence[TopicPartition]) -> None:
        """Count the partitions that this member owns in addition."""
        self._metrics.rebalances[RebalanceEvent.ASSIGNED].inc()
        self._health.assigned((part.topic, part.partition) for part in partitions)
        self._log_partitions(RebalanceEvent.ASSIGNED, partitions)

    def revoked(self, partitions: Sequence[TopicPartition]) -> None:
        """Commit while the partitions are still owned."""
        if not self._must_rewind:
            self._commit([])
        self._release(partitions, RebalanceEvent.REVOKED)

    def lost(self, partitions: Sequence[TopicPartition]) -> None:
        """Drop what is not committed: the partitions' new owners read it again.

        Uncommitted records of other partitions are read again, too: the metrics of a batch cannot
        be split by partition.
        """
        self._release(partitions, RebalanceEvent.LOST)
        self._must_rewind = bool(self._checkpoint)
        if not self._must_rewind:
            self._checkpoint.rollback()

    def _release(self, partitions: Sequence[TopicPartition], event: RebalanceEvent) -> None:
        self._checkpoint.release(partitions)
        self._metrics.rebalances[event].inc()
        self._health.released((part.topic, part.partition) for part in partitions)
        self._metrics.forget_lag((part.topic, part.partition) for part in partitions)
        self._log_partitions(event, partitions)

    def _log_partitions(self, event: RebalanceEvent, changed: Sequence[TopicPartition]) -> None:
        names = _names((part.topic, part.partition) for part in changed)
        logger.info(
            "%s %s; this detector has %s now.",
            event.capitalize(),
            names,
            _names(self._health.partitions),
        )


def _names(partitions: Iterable[tuple[str, int]]) -> str:
    names = [f"{topic} [{partition}]" for topic, partition in sorted(partitions)]
    return ", ".join(names) or "no partitions"
