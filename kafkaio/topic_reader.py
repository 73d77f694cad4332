"""Follows topics: reads them from their first or next record on, for as long as it likes."""

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Self

from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition

from kafkaio.clients import make_consumer, reader_configuration
from kafkaio.connectivity import PROBE_SECONDS, ClientErrors, wait_for_first_answer
from kafkaio.error_codes import BROKER_AWAY, POSITION_INVALID, REQUEST_TIMED_OUT
from kafkaio.gaps import Gap, GapReason, find_gap, log_gap
from kafkaio.partitions import PartitionId, list_partitions, restart_at
from kafkaio.permissions import Permission, PermissionCheck, require_granted
from kafkaio.reading import raise_lasting, take_records
from kafkaio.settings import KafkaSettings
from kafkaio.topic_watch import TopicWatch

logger = logging.getLogger(__name__)

# How long the first answer may take; a person waits for it.
CONNECT_SECONDS = 6.0
# How often added partitions are looked for; each look takes milliseconds.
_DISCOVERY_SECONDS = 30.0


Starts = Callable[[Mapping[PartitionId, tuple[int, int]]], Mapping[PartitionId, int]]
"""Returns starts of some partitions, given the first offset and the end of all."""


class TopicReader:
    """Reads all partitions of some topics, committed records only, and leaves no trace in Kafka.

    It assigns the partitions itself instead of joining a group, so any number of readers can run
    without taking records from each other.

    Records that cannot be read any more are reported, and reading continues after them; a topic
    that was deleted and created again is read from its first record.

    Use it in a `with` statement, `connect` first. Everything happens in the caller's thread.

    Args:
        settings: how to reach Kafka.
        topics: which topics, each with whether to begin at its first record (True) or with the
            first one written after `connect` returned (False).
        starts: called at `connect`; None to start as `topics` says.
        on_gap: called with records that cannot be read any more.
        clock: monotonic seconds.

    Attributes:
        is_broker_away: whether Kafka does not answer at present.

    Raises:
        SettingsError: if a Kafka property is not accepted.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        topics: Mapping[str, bool],
        *,
        starts: Starts | None = None,
        on_gap: Callable[[Gap], None] = log_gap,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._on_gap = on_gap
        self._topics = topics
        self._starts = starts
        self._paused: set[str] = set()
        self._clock = clock
        self.is_broker_away = False
        self._is_outage_suspected = False
        self._next_probe = 0.0
        self._next_discovery = 0.0
        self._errors = ClientErrors()
        self._logged: set[int] = set()
        self._positions: dict[PartitionId, int] = {}
        self._ends: dict[PartitionId, int] = {}
        self._topic_ids: dict[str, str] = {}
        self._invalid: dict[PartitionId, int] = {}  # partitions that are no longer fetched
        self._watches = {topic: TopicWatch(settings, topic, clock=clock) for topic in topics}
        self._consumer = make_consumer(
            {
                **reader_configuration(settings, on_error=self._on_error),
                # Where to continue without a valid position is decided and reported here.
                "auto.offset.reset": "error",
            }
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._consumer.close()

    def connect(self, *, stopped: Callable[[], bool]) -> bool:
        """Wait for Kafka and assign all partitions; return False if `stopped` before.

        Raises:
            TopicMissingError: if a topic does not exist.
            PermissionMissingError: if Kafka does not permit reading one.
            ConnectionRejectedError: if Kafka rejects the connection.
            BrokerUnreachableError: if Kafka does not answer within `CONNECT_SECONDS`.
        """
        return wait_for_first_answer(
            self._assign,
            self._consumer,
            self._settings,
            self._errors,
            patience=CONNECT_SECONDS,
            stopped=stopped,
            clock=self._clock,
        )

    def read(self, maximum: int = 1000, *, wait: float = 0.1) -> list[Message]:
        """Block up to `wait` seconds for a first record, then take those that are already fetched.

        Returns nothing during an outage, and logs its begin and its end.

        Raises:
            TopicMissingError: if a topic was deleted.
            PermissionMissingError: if Kafka no longer permits reading one.
            ClientFailedError: if the client reports a fatal error.
        """
        if self._is_outage_suspected:
            self._probe()
        else:
            self._skip_gaps()
            if self._clock() >= self._next_discovery:
                self._add_partitions()
        messages = self._consumer.consume(1, timeout=wait)
        if messages and maximum > 1:
            messages += self._consumer.consume(maximum - 1, timeout=0)
        recreated = self._start_over_recreated()
        kept = [message for message in messages if message.topic() not in recreated]
        return take_records(kept, self._positions, self._handle_error)

    def snapshot_ends(self) -> bool:
        """Fetch the topics' present ends, for `has_caught_up`; return False during an outage."""
        if self.is_broker_away:
            return False
        try:
            self._ends = {partition: self._bounds(partition)[1] for partition in self._positions}
        except KafkaException:
            self._is_outage_suspected = True
            return False
        return True

    def has_caught_up(self, topics: Iterable[str]) -> bool:
        """Return whether these topics were read up to their ends at the last `snapshot_ends`.

        `connect` takes the first snapshot.
        """
        wanted = set(topics)
        return all(
            self._positions[partition] >= end
            for partition, end in self._ends.items()
            if partition[0] in wanted
        )

    def pause(self, topic: str) -> None:
        """Stop fetching this topic until `resume`, partitions that are added to it too."""
        self._paused.add(topic)
        self._consumer.pause(self._assigned(topic))

    def resume(self, topic: str) -> None:
        """Fetch this topic again."""
        self._paused.discard(topic)
        self._consumer.resume(self._assigned(topic))

    def _start_over_recreated(self) -> set[str]:
        """Start over with topics that were recreated; return them.

        This comes after reading: however long the read took, the answer about a topic is newer.
        """
        recreated: set[str] = set()
        for topic, watch in self._watches.items():
            topic_id = watch.look()
            if topic_id is not None and topic_id != self._topic_ids[topic]:
                recreated.add(topic)
                try:
                    self._start_over(topic)
                    self._topic_ids[topic] = topic_id
                except KafkaException as error:
                    self._on_error(error.args[0])  # and again after the next read
        return recreated

    def _skip_gaps(self) -> None:
        """Report records that cannot be read, and continue after them."""
        try:
            for partition, position in list(self._invalid.items()):
                self._skip_gap(partition, position)
        except KafkaException as error:
            self._on_error(error.args[0])  # and again at the next call

    def _start_over(self, topic: str) -> None:
        """Read a topic that was deleted and created again from its first record on."""
        existing = set(list_partitions(self._consumer, [topic], timeout=PROBE_SECONDS))
        for partition in [place for place in self._positions if place[0] == topic]:
            _, end = self._consumer.get_watermark_offsets(TopicPartition(*partition), cached=True)
            position = self._positions[partition]
            self._on_gap(
                Gap(*partition, GapReason.TOPIC_RECREATED, position, max(position, end), 0)
            )
            if partition in existing:
                self._restart(partition, 0)
                self._ends[partition] = 0
            else:
                self._consumer.incremental_unassign([TopicPartition(*partition)])
                del self._positions[partition]
                self._ends.pop(partition, None)
        self._next_discovery = self._clock()

    def _skip_gap(self, partition: PartitionId, position: int) -> None:
        """Continue at the nearest valid position."""
        if self._watches[partition[0]].confirm() != self._topic_ids[partition[0]]:
            return  # another topic, which is noticed at the next call
        first, end = self._bounds(partition)
        gap = find_gap(partition, position, first, end)
        if gap is not None:
            self._on_gap(gap)
            if gap.reason is GapReason.TRUNCATED:
                self._ends[partition] = end
        self._restart(partition, position if gap is None else gap.resume)

    def _restart(self, partition: PartitionId, offset: int) -> None:
        restart_at(self._consumer, [TopicPartition(*partition, offset)])
        if partition[0] in self._paused:
            self._consumer.pause([TopicPartition(*partition)])
        self._positions[partition] = offset
        self._invalid.pop(partition, None)

    def _assign(self) -> None:
        """Assign every partition, from its first record on or from its end."""
        partitions = self._list_partitions()
        if {topic for topic, _ in partitions} != self._topics.keys():
            # Hidden topics look the same as missing ones.
            readable = [Permission("Read", "topic", topic) for topic in self._topics]
            check = PermissionCheck(self._settings)
            require_granted(self._settings, check.report(readable, timeout=PROBE_SECONDS))
            raise KafkaException(KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART))  # created just now
        for topic, watch in self._watches.items():
            if (topic_id := watch.confirm()) is None:
                raise KafkaException(KafkaError(REQUEST_TIMED_OUT, "No answer"))
            self._topic_ids[topic] = topic_id
        bounds = {partition: self._bounds(partition) for partition in partitions}
        self._ends = {partition: end for partition, (_, end) in bounds.items()}
        self._positions = {
            partition: first if self._topics[partition[0]] else end
            for partition, (first, end) in bounds.items()
        }
        if self._starts is not None:
            self._positions |= self._starts(bounds)
        self._consumer.assign(
            [TopicPartition(*partition, offset) for partition, offset in self._positions.items()]
        )
        self._next_discovery = self._clock() + _DISCOVERY_SECONDS

    def _add_partitions(self) -> None:
        """Assign partitions that were added since, from their first record on."""
        self._next_discovery = self._clock() + _DISCOVERY_SECONDS
        try:
            new = [part for part in self._list_partitions() if part not in self._positions]
        except KafkaException:
            return
        if new:
            self._positions |= dict.fromkeys(new, 0)
            self._consumer.incremental_assign([TopicPartition(*partition, 0) for partition in new])
            self._consumer.pause(
                [TopicPartition(*partition) for partition in new if partition[0] in self._paused]
            )
            logger.info("Reading %d added partitions.", len(new))

    def _list_partitions(self) -> list[PartitionId]:
        return list_partitions(self._consumer, self._topics, timeout=PROBE_SECONDS)

    def _bounds(self, partition: PartitionId) -> tuple[int, int]:
        """Return a partition's first offset and the one after the last committed record."""
        return self._consumer.get_watermark_offsets(
            TopicPartition(*partition), timeout=PROBE_SECONDS
        )

    def _assigned(self, topic: str) -> list[TopicPartition]:
        return [
            TopicPartition(*partition) for partition in self._positions if partition[0] == topic
        ]

    def _handle_error(self, error: KafkaError, partition: PartitionId) -> None:
        if error.code() in POSITION_INVALID:
            self._invalid[partition] = self._positions[partition]
            return
        raise_lasting(self._settings, error, partition)
        self._on_error(error)

    def _on_error(self, error: KafkaError) -> None:
        if error.code() == KafkaError.GROUP_AUTHORIZATION_FAILED:
            return  # librdkafka looks up the group, which has a name but is never used
        self._errors(error)
        if error.code() in BROKER_AWAY or error.code() == REQUEST_TIMED_OUT:
            # May be a single connection, which librdkafka opens again.
            self._is_outage_suspected = True
        elif self._positions and error.code() not in self._logged:
            self._logged.add(error.code())
            logger.warning("Kafka reports: %s", error.str())

    def _probe(self) -> None:
        """Find out, at most once a second, whether Kafka answers; log when that has changed."""
        if self._clock() < self._next_probe:
            return
        broker = self._settings.broker
        try:
            self._consumer.list_topics(timeout=PROBE_SECONDS)
        except KafkaException:
            self._next_probe = self._clock() + PROBE_SECONDS
            if not self.is_broker_away:
                logger.warning("Kafka at %s does not answer; waiting for it.", broker)
            self.is_broker_away = True
        else:
            if self.is_broker_away:
                logger.info("Kafka at %s answers again.", broker)
            self.is_broker_away = self._is_outage_suspected = False
