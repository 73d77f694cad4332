"""Reading the dead-letter topic from where one likes to the end it had at one moment."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, Self, cast

from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition

from consumer.detector.source import InputRecord
from kafkaio.clients import make_consumer
from kafkaio.connectivity import (
    TOPICS_SECONDS,
    Connectivity,
    Reachability,
    require_permissions,
)
from kafkaio.errors import ClientFailedError, TopicMissingError
from kafkaio.permissions import Permission
from kafkaio.settings import KafkaSettings
from kafkaio.tls_probe import explain_failure

# A person waits for the first answer; later, Kafka may be restarting.
AWAY_SECONDS = 15.0

# Longer than a transaction may stay open (`COMMIT_SECONDS` of the replay): the offsets of one that
# was killed in a commit are told once Kafka has aborted it.
_ANSWER_SECONDS = 15.0

# Each blocking call is this short, so that Ctrl-C is heard.
_WAIT_SECONDS = 0.1

# 500 dead letters of the usual 1.3 kB make a transaction of 0.65 MB, whose 5 to 10 ms are then
# little beside the work; at the largest possible, 1 MB each, they still fit in memory.
BATCH_MAXIMUM = 500

# What a broker says while it is restarted, or hands its partitions to another.
_MOVING = {
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.NOT_COORDINATOR,
}
_GONE = {
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._UNKNOWN_TOPIC,  # noqa: SLF001 - librdkafka's local codes are spelled so
    KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001
}


@dataclass(frozen=True, slots=True)
class Stretch:
    """A partition of the dead-letter topic at one moment, as offsets.

    Attributes:
        first: the oldest record that is kept.
        next: where a replay goes on.
        end: after the last committed record.
    """

    first: int
    next: int
    end: int


class DeadLetterReader:
    """Reads committed dead letters up to the end that was noted, and no further.

    It knows how far the group of the replay has come, but joins it not: partitions are assigned,
    so that looking takes nothing from anybody, and a replay that was killed holds up none.

    Use it in a `with` statement: `connect`, then `note`, then `read`.

    Args:
        settings: how to reach Kafka.
        topic: the dead-letter topic.
        group: whose committed offsets tell what was replayed.
        stopped: asked several times a second; once it says so, reading ends.
        batch_maximum: records read at a time.

    Attributes:
        broker: Kafka's address, for messages.
        topic: the dead-letter topic.
        group: as given.
        stretches: the partitions, as `note` found them.
        consumer: the client, for commits in the group's name.
        availability: whether Kafka answers.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        topic: str,
        group: str,
        *,
        stopped: Callable[[], bool],
        batch_maximum: int = BATCH_MAXIMUM,
    ) -> None:
        self.broker = settings.broker
        self.topic = topic
        self.group = group
        self.stretches: dict[int, Stretch] = {}
        self._settings = settings
        self.availability = Connectivity(
            settings.broker, limit=AWAY_SECONDS, why=partial(explain_failure, settings)
        )
        self.consumer = make_consumer(_configuration(settings, group, self.availability))
        self._stopped = stopped
        self._batch_maximum = batch_maximum

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.consumer.close()

    def connect(self, *, to_commit: bool = False) -> bool:
        """Wait for Kafka and the topic; return False if `stopped` said so before.

        Args:
            to_commit: whether the group's offsets are to be moved, which needs another right.

        Raises:
            BrokerUnavailableError: if Kafka does not answer.
            TopicMissingError: if there is no such topic.
            PermissionMissingError: if reading it, or the group's offsets, is not permitted.
            ConnectionRejectedError: if Kafka rejects the connection.
        """
        if not self.availability.connect(self.consumer, stopped=self._stopped):
            return False
        self.require(
            Permission("Read", "topic", self.topic),
            Permission("Read" if to_commit else "Describe", "group", self.group),
        )
        return not self._stopped()

    def require(self, *rights: Permission, patience: float = TOPICS_SECONDS) -> None:
        """See that Kafka grants these rights, and has the topics they are on.

        Raises:
            KafkaIOError: as `require_permissions`.
        """
        require_permissions(self._settings, rights, stopped=self._stopped, patience=patience)

    def note(self) -> None:
        """Note where each partition begins, ends, and is to be replayed from.

        Raises:
            ClientFailedError: if Kafka does not tell.
        """
        for partition, committed in self.committed().items():
            place = TopicPartition(self.topic, partition)
            first, end = self._ask(self.consumer.get_watermark_offsets, place)
            # Retention may have deleted what was to be replayed next.
            self.stretches[partition] = Stretch(first, max(first, committed), end)

    def committed(self) -> dict[int, int]:
        """Return the group's offset in each partition; a negative one where it has none.

        Raises:
            ClientFailedError: if Kafka does not tell.
        """
        known = self._ask(self.consumer.list_topics, self.topic).topics[self.topic].partitions
        places = [TopicPartition(self.topic, partition) for partition in sorted(known)]
        return {it.partition: it.offset for it in self._ask(self.consumer.committed, places)}

    def _ask(self, question: Callable[..., Any], about: object) -> Any:
        deadline = time.monotonic() + _ANSWER_SECONDS
        while True:
            try:
                return question(about, timeout=_ANSWER_SECONDS)
            except KafkaException as error:
                if error.args[0].code() in _MOVING and time.monotonic() < deadline:
                    time.sleep(_WAIT_SECONDS)
                    continue
                raise ClientFailedError(
                    f"Kafka at {self.broker} does not tell the offsets of {self.topic}: "
                    f"{error.args[0].str()}."
                ) from error

    def read(
        self,
        starts: dict[int, int],
        *,
        advance: Callable[[int], None] = lambda _offsets: None,
        recovered: Callable[[], None] = lambda: None,
    ) -> Iterator[list[InputRecord]]:
        """Yield batches from these offsets, by partition, to the ends noted, or until `stopped`.

        Args:
            starts: where to begin; a partition that is not named is not read.
            advance: called with each number of offsets passed, once their batch is dealt with.
            recovered: called when Kafka answers again after an outage, before more is read.

        Raises:
            BrokerUnavailableError: if Kafka has gone for longer than `AWAY_SECONDS`.
            TopicMissingError: if the topic is gone.
            ClientFailedError: if the client cannot go on.
        """
        reached = {it: at for it, at in starts.items() if at < self.stretches[it].end}
        self.consumer.assign([TopicPartition(self.topic, *place) for place in reached.items()])
        while reached and not self._stopped():
            reachability = self.availability.wait_until_reachable(
                self.consumer, stopped=self._stopped
            )
            if reachability is Reachability.STOPPED:
                return
            if reachability is Reachability.RECOVERED:
                recovered()
            batch: list[InputRecord] = []
            before = sum(reached.values())
            for message in self.consumer.consume(self._batch_maximum, timeout=_WAIT_SECONDS):
                partition, offset = _reached(message, self.topic)
                if partition not in reached:
                    continue
                end = self.stretches[partition].end
                if message.error() is None and offset <= end:
                    batch.append(cast("InputRecord", message))
                reached[partition] = min(offset, end)
            passed = sum(reached.values()) - before
            if ended := [it for it, at in reached.items() if at == self.stretches[it].end]:
                self._leave(ended, reached)
            if batch:
                yield batch
            advance(passed)

    def _leave(self, partitions: list[int], reached: dict[int, int]) -> None:
        """Read these no further: what stands behind their ends was written since."""
        for partition in partitions:
            del reached[partition]
        self.consumer.incremental_unassign([TopicPartition(self.topic, it) for it in partitions])


def _configuration(
    settings: KafkaSettings, group: str, availability: Connectivity
) -> dict[str, Any]:
    return settings.client(
        {
            # Where retention has deleted what was to be read next, go on with the oldest.
            "auto.offset.reset": "earliest",
            # Dead letters may be large; what waits in memory need not be 64 MB.
            "queued.max.messages.kbytes": 16_384,
            "fetch.queue.backoff.ms": 20,
            # The end of a partition is told by an empty fetch, which takes this long.
            "fetch.wait.max.ms": 100,
        },
        required={
            "group.id": group,
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "enable.partition.eof": True,
            "error_cb": availability.on_error,
        },
    )


def _reached(message: Message, topic: str) -> tuple[int, int]:
    """Return a partition and up to where it was read; partition -1 where nothing was.

    Raises:
        TopicMissingError, ClientFailedError: for what ends the reading.
    """
    error = message.error()
    if error is None:
        return message.partition() or 0, (message.offset() or 0) + 1
    if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001
        return message.partition() or 0, message.offset() or 0
    if error.code() in _GONE:
        raise TopicMissingError(f"Topic {topic} is not there any more.")
    if error.fatal():
        raise ClientFailedError(f"The Kafka consumer cannot go on: {error.str()}.")
    return -1, 0
