"""Reads the dead-letter topic, up to the ends that it had at one moment."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, Self, cast

from confluent_kafka import KafkaException, TopicPartition

from consumer.detector.protocols import InputRecord
from kafkaio.clients import make_consumer, reader_configuration
from kafkaio.connectivity import Connectivity, Reachability
from kafkaio.error_codes import LEADER_MOVING
from kafkaio.errors import ClientFailedError
from kafkaio.permissions import TOPICS_SECONDS, Permission, require_permissions
from kafkaio.reading import raise_lasting, read_to_end
from kafkaio.settings import KafkaSettings
from kafkaio.tls_probe import explain_failure

# A person waits for the first answer; later, Kafka may be restarting.
AWAY_SECONDS = 15.0

# Longer than a transaction may stay open (`COMMIT_SECONDS` of the requeue): after one was killed in
# a commit, Kafka returns the group's offsets once it has aborted that transaction.
_ANSWER_SECONDS = 15.0

_RETRY_SECONDS = 0.1

# 500 dead letters of the usual 1.3 kB make a transaction of 0.65 MB, whose 5 to 10 ms are then
# little beside the work; at the largest possible, 1 MB each, they still fit in memory.
BATCH_MAXIMUM = 500

# A batch is filled for this long.
_FILL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class OffsetRange:
    """The offsets of one partition of the dead-letter topic at one moment.

    Attributes:
        first: the oldest record that is kept.
        next: where the next requeue of the group begins.
        end: after the last committed record.
    """

    first: int
    next: int
    end: int


class DeadLetterReader:
    """Reads committed dead letters up to the ends of a snapshot.

    It fetches the offsets that the requeue's group has committed, but does not join the group: it
    assigns the partitions itself. So reading takes no partition from anybody, and a requeue that
    was killed blocks no other one.

    Use it in a `with` statement: `connect`, then `snapshot`, then `read`.

    Args:
        settings: how to reach Kafka.
        topic: the dead-letter topic.
        group: the requeue's group, whose committed offsets say what was requeued.
        stopped: polled several times a second; reading ends once it returns True.
        batch_maximum: records in a batch.

    Attributes:
        topic: the dead-letter topic.
        group: as given.
        ranges: the partitions' offsets at the last `snapshot`.
        consumer: the client, for commits on behalf of the group.
        connectivity: whether Kafka answers.
        stopped: as given.
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
        self.topic = topic
        self.group = group
        self.ranges: dict[int, OffsetRange] = {}
        self._settings = settings
        self.connectivity = Connectivity(
            settings.broker, limit=AWAY_SECONDS, why=partial(explain_failure, settings)
        )
        configuration = reader_configuration(
            settings,
            {
                # Dead letters may be large; the local queue need not hold 64 MB of them.
                "queued.max.messages.kbytes": 16_384,
                "fetch.queue.backoff.ms": 20,
            },
            group=group,
            on_error=self.connectivity.on_error,
        )
        self.consumer = make_consumer(configuration)
        self.stopped = stopped
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
        """Wait for Kafka and the topic; return False if `stopped` before.

        Args:
            to_commit: whether to commit offsets of the group, which needs another permission.

        Raises:
            BrokerUnavailableError: if Kafka does not answer.
            TopicMissingError: if the topic does not exist.
            PermissionMissingError: if reading it or using the group is not permitted.
            ConnectionRejectedError: if Kafka rejects the connection.
        """
        if not self.connectivity.connect(self.consumer, stopped=self.stopped):
            return False
        self.require(
            Permission("Read", "topic", self.topic),
            Permission("Read" if to_commit else "Describe", "group", self.group),
        )
        return not self.stopped()

    def require(self, *permissions: Permission, patience: float = TOPICS_SECONDS) -> None:
        """Check that Kafka grants these permissions, and that their topics exist.

        Raises:
            KafkaIOError: as `require_permissions`.
        """
        require_permissions(self._settings, permissions, stopped=self.stopped, patience=patience)

    def snapshot(self) -> None:
        """Fetch where each partition begins and ends, and where the next requeue begins.

        Raises:
            ClientFailedError: if Kafka does not return the offsets.
        """
        for number, committed in self.committed_offsets().items():
            partition = TopicPartition(self.topic, number)
            first, end = self._request(self.consumer.get_watermark_offsets, partition)
            # Retention may have deleted the records at the committed offset.
            self.ranges[number] = OffsetRange(first, max(first, committed), end)

    def committed_offsets(self) -> dict[int, int]:
        """Return the group's offset in each partition; a negative one where it has none.

        Raises:
            ClientFailedError: if Kafka does not return the offsets.
        """
        known = self._request(self.consumer.list_topics, self.topic).topics[self.topic].partitions
        partitions = [TopicPartition(self.topic, number) for number in sorted(known)]
        committed = self._request(self.consumer.committed, partitions)
        return {partition.partition: partition.offset for partition in committed}

    def _request(self, request: Callable[..., Any], subject: object) -> Any:
        """Send a request, and again while a partition or the group moves to another broker."""
        deadline = time.monotonic() + _ANSWER_SECONDS
        while True:
            try:
                return request(subject, timeout=_ANSWER_SECONDS)
            except KafkaException as error:
                if error.args[0].code() in LEADER_MOVING and time.monotonic() < deadline:
                    time.sleep(_RETRY_SECONDS)
                    continue
                raise ClientFailedError(
                    f"Kafka at {self._settings.broker} does not return the offsets of "
                    f"{self.topic}: {error.args[0].str()}."
                ) from error

    def read(
        self,
        starts: dict[int, int],
        *,
        advance: Callable[[int], None] = lambda _offsets: None,
        recovered: Callable[[], None] = lambda: None,
    ) -> Iterator[list[InputRecord]]:
        """Yield batches up to the ends of the snapshot, or until `stopped` returns True.

        Args:
            starts: by partition, the first offset to read; other partitions are not read.
            advance: called with the number of offsets passed, once their batch was processed.
            recovered: called when Kafka answers again after an outage, before more is read.

        Raises:
            BrokerUnavailableError: if Kafka has been away for longer than `AWAY_SECONDS`.
            TopicMissingError: if the topic was deleted.
            PermissionMissingError: if Kafka no longer permits reading it.
            ClientFailedError: if the client cannot continue.
        """

        def may_continue() -> bool:
            if self.stopped():
                return False
            reachability = self.connectivity.wait_until_reachable(
                self.consumer, stopped=self.stopped
            )
            if reachability is Reachability.RECOVERED:
                recovered()
            return reachability is not Reachability.STOPPED

        batches = read_to_end(
            self.consumer,
            {(self.topic, number): offset for number, offset in starts.items()},
            {(self.topic, number): bounds.end for number, bounds in self.ranges.items()},
            batch_maximum=self._batch_maximum,
            fill_seconds=_FILL_SECONDS,
            handle_error=partial(raise_lasting, self._settings),
            may_continue=may_continue,
            advance=advance,
        )
        return cast("Iterator[list[InputRecord]]", batches)
