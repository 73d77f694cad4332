"""Putting dead letters back into the topic they came from, once what refused them is mended."""

from collections.abc import Callable, Collection, Sequence
from enum import StrEnum
from functools import partial

import msgspec
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from consumer.commit.exactly_once import ExactlyOnce
from consumer.commit.producing import COMMIT_SECONDS, WATCHDOG_SECONDS, producer_settings
from consumer.commit.sink import AbortedError, CommitHook, CommitSink, OutputRecord, pass_by
from consumer.commit.watchdog import Watchdog, WatchedSink
from consumer.dead_letters.reader import DeadLetterReader
from consumer.dead_letters.requeue_batch import RequeueBatch, RequeueResult
from consumer.dead_letters.store import FOREIGN, StoredDeadLetter, kept
from consumer.detector.source import InputRecord
from consumer.errors import CommitError, StillRejectedError
from events.codec import decode_transaction
from events.errors import PayloadError
from events.messages import DeadLetter
from kafkaio.clients import make_producer
from kafkaio.errors import TopicMissingError
from kafkaio.permissions import Permission
from kafkaio.settings import KafkaSettings

# An abort now and then is Kafka at work; this many without a commit between them is not.
ABORTS_IN_A_ROW = 10


class OnError(StrEnum):
    """What becomes of a dead letter that is refused again."""

    STOP = "stop"
    BACK = "back"
    DROP = "drop"


class Requeue:
    """Puts dead letters back, exactly once, from where the last replay of the group ended.

    Every dead letter is decoded as the detector would do it today. Those that pass are written to
    the topic they came from, with the key, value, headers and timestamp they had; others go by
    `on_error`. What was written and how far the group has come are committed in one transaction a
    batch, so that whatever ends a replay, the next one goes on where it ended: nothing is lost,
    nothing done twice.

    A committed offset means that everything before it was dealt with. So dead letters that are not
    of the `reasons` wanted are written to the end of the dead-letter topic, where the next replay
    finds them. No replay reads beyond the end that it found when it began, so none chases what it
    has written itself.

    Only one replay of a group runs at a time: the transactional id is the group's, and a second
    replay ends the first one, before it looks where that had come to.

    Args:
        reader: of the dead-letter topic, connected to commit.
        settings: how to reach Kafka.
        on_error: what becomes of those that are refused again.
        reasons: those to be put back; none are all.
        dry_run: write and commit nothing, and end no other replay.
        reached: told of each step of each commit.

    Attributes:
        done: what was committed so far, or in a dry run, would have been.
        size: offsets to be read, Kafka's own included.

    Raises:
        PermissionMissingError: if Kafka does not let us do what the replay has to.
        CommitError: if Kafka refuses transactions or does not tell its offsets.
    """

    def __init__(
        self,
        reader: DeadLetterReader,
        settings: KafkaSettings,
        *,
        on_error: OnError = OnError.STOP,
        reasons: Collection[str] = (),
        dry_run: bool = False,
        reached: CommitHook = pass_by,
    ) -> None:
        self._reader = reader
        self._on_error = on_error
        self._reasons = frozenset(reasons)
        self._delivery = _Nothing() if dry_run else _delivery(reader, settings, reached)
        self._nexts: dict[int, int] = {}
        self._there: dict[str, bool] = {}
        self.done = RequeueResult()
        if reasons or on_error is OnError.BACK:
            reader.require(Permission("Write", "topic", reader.topic))
        self._delivery.open()  # from here on, no other replay moves the group's offsets
        reader.note()
        self.size = sum(it.end - it.next for it in reader.stretches.values())

    def run(self, *, advance: Callable[[int], None] = lambda _offsets: None) -> None:
        """Replay up to the end that was noted, or until the reader's `stopped` says so.

        Args:
            advance: called with each number of offsets passed.

        Raises:
            StillRejectedError: at the first one refused, if so wished; what stands before it is
                committed, nothing from it on is.
            ConsumerError: if this process cannot go on; what was committed is in `done`.
        """
        starts = {partition: it.next for partition, it in self._reader.stretches.items()}
        self._nexts = dict(starts)
        for messages in self._reader.read(starts, advance=advance, recovered=self._reopen):
            self._replay(messages)

    def _reopen(self) -> None:
        """Replace the producer, which may be stuck after an outage."""
        self._delivery.open()
        self._require_alone()

    def _replay(self, messages: Sequence[InputRecord]) -> None:
        batch = RequeueBatch(self._reader.topic)
        try:
            for message in messages:
                self._sort(kept(message), batch)
        except StillRejectedError:
            if batch.nexts:  # those before it are done with
                self._commit(batch)
            raise
        self._commit(batch)

    def _sort(self, dead: StoredDeadLetter, batch: RequeueBatch) -> None:
        letter = dead.letter
        if self._reasons and letter.reason not in self._reasons:
            batch.others(dead)
        elif (again := self._refused(letter)) is None:
            batch.replay(dead)
        elif self._on_error is OnError.STOP:
            raise StillRejectedError(
                f"The dead letter at {dead.place} of {self._reader.topic} is still refused "
                f"({again.reason}): {again.message}. "
                f"It and what follows stay where they are; '--on-error back' writes such ones to "
                f"the end of the topic, '--on-error drop' passes them over."
            )
        elif self._on_error is OnError.BACK:
            batch.back(dead, again)
        else:
            batch.drop(dead, again)

    def _refused(self, letter: DeadLetter) -> DeadLetter | None:
        """Return the dead letter as it would be today; None where it is one no more."""
        if letter.reason == FOREIGN:
            return letter
        if not self._is_there(letter.topic):
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
        """Go on with a new producer only where no other replay went on before it was made."""
        if any(self._nexts[it] < at for it, at in self._reader.committed().items()):
            raise self._ended()

    def _ended(self) -> CommitError:
        return CommitError(
            f"Another replay of group {self._reader.group} goes on with {self._reader.topic}, so "
            f"this one has ended; nothing is lost or put back twice."
        )

    def _commit(self, batch: RequeueBatch) -> None:
        """Commit a batch; nobody else moves our offsets, so after an abort the same is tried."""
        for _ in range(ABORTS_IN_A_ROW):
            try:
                self._delivery.commit(batch.records, batch.offsets())
            except AbortedError as error:
                cause = error
                self._require_alone()
            except CommitError as error:
                raise (self._ended() if _is_fenced(error) else error) from error
            else:
                self.done.add(batch.outcome)
                self._nexts |= batch.nexts
                return
        raise CommitError(
            f"{ABORTS_IN_A_ROW} commits in a row were aborted, the last one because: {cause}."
        ) from cause

    def _is_there(self, topic: str) -> bool:
        """Tell whether there is such a topic to write to; asked once, since it costs a question.

        Raises:
            PermissionMissingError: if Kafka does not let us write there.
        """
        if topic not in self._there:
            try:
                self._reader.require(Permission("Write", "topic", topic), patience=0)
            except TopicMissingError:
                self._there[topic] = False
            else:
                self._there[topic] = True
        return self._there[topic]


class _Nothing:
    """A delivery that does nothing, for a dry run."""

    def open(self) -> None:
        """Do nothing."""

    def commit(self, records: Sequence[OutputRecord], offsets: Sequence[TopicPartition]) -> None:
        """Do nothing."""


def _is_fenced(error: CommitError) -> bool:
    cause = error.__cause__
    # That is librdkafka's word for a producer whose transactional id another one has taken.
    return isinstance(cause, KafkaException) and cause.args[0].code() == KafkaError._FENCED  # noqa: SLF001


def _delivery(reader: DeadLetterReader, settings: KafkaSettings, reached: CommitHook) -> CommitSink:
    transactional_id = f"{reader.group}-{reader.topic}"
    configuration = producer_settings(
        settings,
        transactional_id=transactional_id,
        on_error=reader.availability.on_error,
    )
    return WatchedSink(
        ExactlyOnce(
            partial(make_producer, configuration),
            reader.consumer,
            timeout=COMMIT_SECONDS,
            observe=lambda _stage, _seconds: None,
            reached=reached,
            transactional_id=transactional_id,
            in_group=False,
        ),
        Watchdog(WATCHDOG_SECONDS),
    )
