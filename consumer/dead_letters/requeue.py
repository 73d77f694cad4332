"""Replays dead letters into the topic they came from, after the cause was fixed."""

from collections.abc import Callable, Collection, Sequence
from enum import StrEnum
from functools import partial

import msgspec
from confluent_kafka import KafkaException, TopicPartition

from consumer.commit.exactly_once import ExactlyOnce
from consumer.commit.kafka_sink import WATCHDOG_SECONDS, producer_settings
from consumer.commit.patience import Patience, open_sink
from consumer.commit.sink import (
    AbortedError,
    CommitHook,
    CommitSink,
    CommitTimings,
    OutputRecord,
    UncertainError,
    no_hook,
)
from consumer.commit.watchdog import Watchdog, WatchedSink
from consumer.dead_letters.reader import AWAY_SECONDS, DeadLetterReader
from consumer.dead_letters.requeue_batch import RequeueBatch, RequeueResult
from consumer.dead_letters.store import FOREIGN, StoredDeadLetter, parse
from consumer.detector.protocols import InputRecord
from consumer.errors import CommitError, StillRejectedError
from events.codec import decode_transaction
from events.errors import PayloadError
from events.messages import DeadLetter
from kafkaio.clients import make_producer
from kafkaio.error_codes import PRODUCER_FENCED
from kafkaio.errors import TopicMissingError
from kafkaio.partitions import missing_topics
from kafkaio.permissions import Permission
from kafkaio.settings import KafkaSettings


class OnError(StrEnum):
    """How to handle a dead letter that is rejected again."""

    STOP = "stop"
    """End the replay before it."""

    REQUEUE = "requeue"
    """Write it to the end of the dead-letter topic."""

    DROP = "drop"
    """Skip it."""


class Requeue:
    """Replays dead letters exactly once, from where the last replay of the group ended.

    Every dead letter is decoded as the detector would decode it today; an excerpt of a record that
    was too large to be kept whole counts as rejected again. Those that pass are written
    to the topic they came from, with their original key, value, headers and timestamp; `on_error`
    says what happens to the others. The records of a batch and the group's new offsets are
    committed in one transaction. So whatever ends a replay, the next one resumes there: nothing is
    lost or replayed twice.

    A committed offset means that everything before it was handled. So dead letters of other
    reasons than the selected ones are written to the end of the dead-letter topic, where the next
    replay finds them. A replay reads up to the ends that it found when it began, so it never reads
    records that it wrote itself.

    Only one replay of a group runs at a time: the transactional id is the group's, so a second
    replay fences the first one, before it fetches the group's offsets.

    Args:
        reader: of the dead-letter topic, connected to commit.
        settings: how to reach Kafka.
        on_error: how to handle dead letters that are rejected again.
        reasons: replay dead letters of these reasons only; empty for all reasons.
        dry_run: write and commit nothing, and fence no other replay.
        reached: called at each step of each commit.

    Attributes:
        done: counts of what was committed so far; in a dry run, of what would have been.
        size: offsets to read, those of Kafka's own records included.

    Raises:
        PermissionMissingError: if Kafka does not grant a permission that is needed.
        CommitError: if Kafka rejects transactions.
        ClientFailedError: if Kafka does not return the offsets.
    """

    def __init__(
        self,
        reader: DeadLetterReader,
        settings: KafkaSettings,
        *,
        on_error: OnError = OnError.STOP,
        reasons: Collection[str] = (),
        dry_run: bool = False,
        hook: CommitHook = no_hook,
    ) -> None:
        self._reader = reader
        self._on_error = on_error
        self._reasons = frozenset(reasons)
        self._watchdog = Watchdog(WATCHDOG_SECONDS)
        self._patience = Patience(AWAY_SECONDS)
        self._sink = _DrySink() if dry_run else _sink(reader, settings, hook, self._watchdog)
        self._nexts: dict[int, int] = {}
        self._topics: dict[str, bool] = {}
        self.done = RequeueResult()
        if reasons or on_error is OnError.REQUEUE:
            reader.require(Permission("Write", "topic", reader.topic))
        self._open()  # from here on, no other requeue moves the group's offsets
        reader.snapshot()
        self.size = sum(offsets.end - offsets.next for offsets in reader.ranges.values())

    def run(self, *, advance: Callable[[int], None] = lambda _offsets: None) -> None:
        """Replay up to the ends of the snapshot, or until the reader's `stopped` returns True.

        Args:
            advance: called with each number of offsets passed.

        Raises:
            StillRejectedError: at the first one rejected again, with `OnError.STOP`; those before
                it are committed.
            CommitError, KafkaIOError: if this process cannot continue; `done` counts what was
                committed.
        """
        starts = {partition: offsets.next for partition, offsets in self._reader.ranges.items()}
        self._nexts = dict(starts)
        with self._watchdog:
            for records in self._reader.read(starts, advance=advance, recovered=self._reopen):
                self._replay(records)

    def _open(self) -> bool:
        return open_sink(self._sink, self._patience, stopped=self._reader.stopped)

    def _reopen(self) -> None:
        """Replace the producer, which may be stuck after an outage."""
        if self._open():
            self._require_alone()

    def _replay(self, records: Sequence[InputRecord]) -> None:
        batch = RequeueBatch(self._reader.topic)
        try:
            for record in records:
                self._sort(parse(record), batch)
        except StillRejectedError:
            if batch.nexts:
                self._commit(batch)
            raise
        self._commit(batch)

    def _sort(self, dead: StoredDeadLetter, batch: RequeueBatch) -> None:
        letter = dead.letter
        if self._reasons and letter.reason not in self._reasons:
            batch.keep_unselected(dead)
        elif (rejected := self._reject(letter)) is None:
            batch.replay(dead)
        elif self._on_error is OnError.STOP:
            raise StillRejectedError(
                f"The dead letter at {dead.position} of {self._reader.topic} is still rejected "
                f"({rejected.reason}): {rejected.message}. It and those after it are unchanged."
            )
        elif self._on_error is OnError.REQUEUE:
            batch.requeue(dead, rejected)
        else:
            batch.drop(dead, rejected)

    def _reject(self, letter: DeadLetter) -> DeadLetter | None:
        """Return the dead letter with the reason it would have today; None if it would pass."""
        if letter.reason == FOREIGN:
            return letter
        if letter.original_bytes is not None:
            return msgspec.structs.replace(
                letter,
                message=f"only the beginning of its {letter.original_bytes:,} bytes is kept, so it "
                "cannot be replayed; its producer has to send it again",
            )
        if not self._exists(letter.topic):
            return msgspec.structs.replace(letter, message=f"there is no topic {letter.topic}")
        try:
            decode_transaction(letter.value, letter.headers)
        except PayloadError as error:
            return msgspec.structs.replace(
                letter,
                stage="decode",
                error=type(error).__name__,
                message=str(error),
                reason=error.reason.value,
            )
        return None

    def _require_alone(self) -> None:
        """Check that no other replay moved the group's offsets before the producer was opened."""
        committed = self._reader.committed_offsets()
        if any(self._nexts[partition] < offset for partition, offset in committed.items()):
            raise self._superseded()

    def _superseded(self) -> CommitError:
        return CommitError(
            f"Another replay of group {self._reader.group} has taken over {self._reader.topic}, so "
            f"this one has ended; nothing is lost or replayed twice."
        )

    def _commit(self, batch: RequeueBatch) -> None:
        """Commit a batch, again after a failure: nobody else moves the group's offsets."""
        while True:
            try:
                self._sink.commit(batch.records, batch.offsets())
            except (AbortedError, UncertainError) as error:
                self._patience.wait(error)
                if not self._open():
                    return
                if isinstance(error, UncertainError) and self._is_committed(batch):
                    break
                self._require_alone()
            except CommitError as error:
                raise (self._superseded() if _is_fenced(error) else error) from error
            else:
                break
        self._patience.reset()
        self.done.add(batch.result)
        self._nexts |= batch.nexts

    def _is_committed(self, batch: RequeueBatch) -> bool:
        committed = self._reader.committed_offsets()
        return all(committed[partition] == offset for partition, offset in batch.nexts.items())

    def _exists(self, topic: str) -> bool:
        """Return whether a topic exists and may be written to; remembers the answer.

        Raises:
            PermissionMissingError: if Kafka does not permit writing there.
        """
        if topic not in self._topics:
            try:
                self._reader.require(Permission("Write", "topic", topic), patience=0)
            except TopicMissingError:
                self._topics[topic] = False
            else:
                self._topics[topic] = True
        return self._topics[topic]


class _DrySink:
    """A sink that does nothing, for a dry run."""

    def open(self) -> None:
        """Do nothing."""

    def commit(
        self, _records: Sequence[OutputRecord], _offsets: Sequence[TopicPartition]
    ) -> CommitTimings:
        """Do nothing."""
        return CommitTimings(0.0, 0.0)


def _is_fenced(error: CommitError) -> bool:
    cause = error.__cause__
    return isinstance(cause, KafkaException) and cause.args[0].code() == PRODUCER_FENCED


def _sink(
    reader: DeadLetterReader, settings: KafkaSettings, hook: CommitHook, watchdog: Watchdog
) -> CommitSink:
    transactional_id = f"{reader.group}-{reader.topic}"
    configuration = producer_settings(
        settings,
        transactional_id=transactional_id,
        on_error=reader.connectivity.on_error,
    )
    return WatchedSink(
        ExactlyOnce(
            partial(make_producer, configuration),
            reader.consumer,
            missing_topics=partial(missing_topics, reader.consumer),
            hook=hook,
            transactional_id=transactional_id,
            in_group=False,
        ),
        watchdog,
    )
