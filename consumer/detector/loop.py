"""The one loop: read a micro-batch, decode, score, decide, emit, commit, measure."""

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from confluent_kafka import TopicPartition
from numpy.typing import NDArray

from consumer.commit.journal import Journal, note
from consumer.commit.sink import AbortedError, CommitSink, OutputRecord
from consumer.detector.checkpoint import Pending
from consumer.detector.dead_letter_limit import DeadLetterLimit
from consumer.detector.decode import Batch, Decoder
from consumer.detector.metrics import CommitOutcome, DetectorMetrics, RebalanceEvent, Stage, Trigger
from consumer.detector.score import Scorer, Scoring
from consumer.detector.source import InputRecord, Source
from consumer.errors import CommitError
from consumer.telemetry.health import Health
from events.codec import dead_letter_headers, encode
from events.errors import Reason
from events.messages import Alert
from events.topics import Topics

logger = logging.getLogger(__name__)

# An abort now and then is the group at work; this many without a commit between them is not.
ABORTS_IN_A_ROW = 10


class Detector:
    """Reads transactions and writes alerts, until it is told to stop.

    What is committed when: a batch that raised an alert or a dead letter commits at once; a batch
    that raised none has nothing to duplicate, so its offsets ride with the next commit, or with
    the commit interval. No transaction is open between two batches, so that a rebalance, which
    happens only within a read, never meets one.

    Args:
        source: the input topic.
        decoder: from records to features.
        scorer: the model.
        threshold: the score from which on a transaction is flagged.
        model_version: named in each alert.
        delivery: how results and offsets are committed.
        topics: where alerts and dead letters go.
        metrics: what is measured.
        health: told of each turn of the loop and of each assignment.
        commit_interval: seconds that offsets without results may wait.
        limit: when to stop because too much cannot be read.
        journal: where each commit also says what it covers; None for nowhere.
        monotonic: seconds for durations.
        wall: seconds since the epoch, for event times.
    """

    def __init__(
        self,
        source: Source,
        decoder: Decoder,
        scorer: Scorer,
        *,
        threshold: float,
        model_version: str,
        delivery: CommitSink,
        topics: Topics,
        metrics: DetectorMetrics,
        health: Health,
        commit_interval: float,
        limit: DeadLetterLimit,
        journal: Journal | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._source = source
        self._decoder = decoder
        self._scorer = scorer
        self._scoring_thread = ThreadPoolExecutor(1, thread_name_prefix="scoring")
        self._threshold = threshold
        self._model_version = model_version
        self._delivery = delivery
        self._topics = topics
        self._metrics = metrics
        self._health = health
        self._commit_interval = commit_interval
        self._limit = limit
        self._journal = journal
        self._monotonic = monotonic
        self._wall = wall
        self._pending = Pending()
        self._last_commit = monotonic()
        self._aborts = 0
        self._redo = False
        metrics.threshold.set(threshold)

    def run(self, *, stopped: Callable[[], bool], reachable: Callable[[], bool]) -> None:
        """Run until `stopped` says so, then commit and leave the group.

        Args:
            stopped: asked once a turn, so within a batch's time or 0.1 s.
            reachable: asked once a turn, before anything is begun that needs Kafka; blocks while
                Kafka is away, and returns False if it was told to stop before Kafka came back.

        Raises:
            ConsumerError: when this process cannot go on.
        """
        self._source.subscribe(self)
        try:
            self._loop(stopped, reachable)
        except BaseException:
            self._pending = Pending()  # what failed is not to be committed on the way out
            raise
        finally:
            self._source.close()

    def _loop(self, stopped: Callable[[], bool], reachable: Callable[[], bool]) -> None:
        while not stopped():
            messages, trigger = self._source.read()
            if not reachable():
                self._pending = Pending()  # cannot be committed; the next process reads it again
                return
            if messages:
                self._pending.read(messages)
            if self._redo:
                self._rewind()
            elif messages:
                self._process(messages, trigger)
            elif self._pending and self._commit_is_due():
                self._commit([])
            self._health.moved()
        if not self._redo:
            self._commit([])

    def _process(self, messages: Sequence[InputRecord], trigger: Trigger) -> None:
        started = self._monotonic()
        scoring = Scoring(self._scorer, self._scoring_thread)
        batch = self._decoder.decode(messages, scoring.begin)
        self._limit.check(messages, batch.dead_letters)
        decoded = self._monotonic()
        scores = scoring.scores(batch.features)
        now = self._wall()
        self._metrics.stages[Stage.DECODE].observe(decoded - started)
        self._metrics.stages[Stage.SCORE].observe(self._monotonic() - decoded)

        flagged = np.flatnonzero(scores >= self._threshold)
        self._note(batch, scores, flagged, trigger, now)
        if self._journal:
            note(self._pending, messages, batch)
        records = self._alerts(batch, scores, flagged, now) + self._dead_letters(batch)
        if records or self._commit_is_due():
            self._commit(records)
        self._metrics.last_batch.set(now)

    def _note(
        self,
        batch: Batch,
        scores: NDArray[np.float32],
        flagged: NDArray[np.intp],
        trigger: Trigger,
        now: float,
    ) -> None:
        pending = self._pending
        pending.triggers[trigger] += 1
        pending.scores.append(scores)
        pending.scoring_latencies.append(now - batch.event_times)
        pending.flagged_event_times.extend(batch.event_times[flagged].tolist())
        pending.flagged_amounts.extend(batch.amounts[flagged].tolist())
        pending.samples.extend(self._metrics.drift.sample(batch.features, scores))
        pending.dead_letters.update(Reason(letter.reason) for letter in batch.dead_letters)

    def _alerts(
        self,
        batch: Batch,
        scores: NDArray[np.float32],
        flagged: NDArray[np.intp],
        now: float,
    ) -> list[OutputRecord]:
        records: list[OutputRecord] = []
        for row in flagged.tolist():
            alert = Alert(
                transaction_id=batch.ids[row],
                event_time_ms=round(batch.event_times[row] * 1000),
                detection_time_ms=round(now * 1000),
                score=float(scores[row]),
                threshold=self._threshold,
                model_version=self._model_version,
                Amount=float(batch.amounts[row]),
            )
            records.append(
                OutputRecord(self._topics.alerts, batch.ids[row].encode(), encode(alert))
            )
        return records

    def _dead_letters(self, batch: Batch) -> list[OutputRecord]:
        return [
            OutputRecord(
                self._topics.dead_letters,
                letter.key,
                letter.value,
                tuple(dead_letter_headers(letter)),
                letter.timestamp,
            )
            for letter in batch.dead_letters
        ]

    def _commit_is_due(self) -> bool:
        return self._monotonic() - self._last_commit >= self._commit_interval

    def _commit(self, records: Sequence[OutputRecord]) -> None:
        """Commit what is pending; after an abort, mark it to be done again."""
        if not self._pending:
            return
        if self._journal:
            records = [*records, *self._journal.records(self._pending)]
        try:
            self._delivery.commit(records, self._pending.to_commit())
        except AbortedError as error:
            self._aborts += 1
            self._redo = True
            self._metrics.commits[CommitOutcome.ABORTED].inc()
            if self._aborts >= ABORTS_IN_A_ROW:
                raise CommitError(
                    f"{self._aborts} commits in a row were aborted, the last one because: {error}."
                ) from error
            return
        except CommitError:
            self._metrics.commits[CommitOutcome.FAILED].inc()
            raise
        self._source.committed(self._pending.to_commit())
        self._last_commit = self._monotonic()
        self._aborts = 0
        self._metrics.commits[CommitOutcome.COMMITTED].inc()
        self._limit.committed()
        self._pending.tell(self._metrics, now=self._wall())
        self._pending = Pending()

    def _rewind(self) -> None:
        """Read everything since the last commit again, this batch included."""
        self._source.rewind(self._pending.to_rewind())
        self._drop_pending()

    def _drop_pending(self) -> None:
        self._limit.rewind()
        self._pending = Pending()
        self._redo = False

    def assigned(self, partitions: Sequence[TopicPartition]) -> None:
        """Count the partitions that are now ours as well."""
        self._metrics.rebalances[RebalanceEvent.ASSIGNED].inc()
        self._health.assigned(len(partitions))
        logger.info("Assigned %s.", _names(partitions))

    def revoked(self, partitions: Sequence[TopicPartition]) -> None:
        """Commit while the partitions are still ours."""
        if not self._redo:
            self._commit([])
        self._release(partitions, RebalanceEvent.REVOKED)

    def lost(self, partitions: Sequence[TopicPartition]) -> None:
        """Drop what was not committed: the partitions' new owners read it again.

        What is pending of others is read again too: its counts cannot be told apart.
        """
        self._release(partitions, RebalanceEvent.LOST)
        if self._pending:
            self._redo = True
        else:
            self._drop_pending()

    def _release(self, partitions: Sequence[TopicPartition], event: RebalanceEvent) -> None:
        self._pending.forget(partitions)
        self._metrics.rebalances[event].inc()
        self._health.assigned(-len(partitions))
        self._metrics.forget_lag((part.topic, part.partition) for part in partitions)
        logger.info("%s %s.", event.capitalize(), _names(partitions))


def _names(partitions: Sequence[TopicPartition]) -> str:
    return ", ".join(f"{part.topic} [{part.partition}]" for part in partitions) or "no partitions"
