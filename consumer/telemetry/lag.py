"""How far each partition is read, and how many records wait there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import msgspec

from consumer.telemetry.health import Health
from kafkaio.end_offsets import Ends
from kafkaio.partitions import PartitionId


@dataclass(frozen=True, slots=True)
class PartitionState:
    """How far one partition is read.

    Attributes:
        position: the next offset that the application is given; -1 while it is unknown.
        readable_end: before the first open transaction; -1 while it is unknown.
        end: after the last record, readable or not; -1 while it is unknown.
        queued: records of all partitions that were fetched and wait in the client.
    """

    position: int
    readable_end: int
    end: int
    queued: int

    @property
    def lag(self) -> int:
        """Records from the position to the end, those of open transactions included."""
        return max(0, self.end - self.position)

    def with_ends(self, ends: Ends) -> "PartitionState":
        """Return the state with the later ends of both: neither ever moves back."""
        return replace(
            self,
            readable_end=max(self.readable_end, ends.readable),
            end=max(self.end, ends.all),
        )


class _Partition(msgspec.Struct):
    fetch_state: str
    fetchq_cnt: int
    app_offset: int
    committed_offset: int
    lo_offset: int
    hi_offset: int
    ls_offset: int


class _Topic(msgspec.Struct):
    partitions: dict[str, _Partition]


class _Statistics(msgspec.Struct):
    topics: dict[str, _Topic]


_decode = msgspec.json.Decoder(_Statistics).decode
_UNKNOWN = -1


def partition_states(statistics: str) -> dict[PartitionId, PartitionState]:
    """Return how far each partition is read, according to librdkafka's statistics.

    librdkafka's own `consumer_lag` counts from the offsets that the consumer commits; ours are
    committed by the producer, in transactions, so that figure would never move. The application's
    position (`app_offset`) replaces it, and before the first record the committed or the oldest
    offset.

    Args:
        statistics: the JSON text passed to `stats_cb`.
    """
    return {
        (topic, int(number)): _state(partition)
        for topic, details in _decode(statistics).topics.items()
        for number, partition in details.partitions.items()
        if partition.fetch_state != "none"  # known, and not assigned to us
    }


def _state(partition: _Partition) -> PartitionState:
    starts = (partition.app_offset, partition.committed_offset, partition.lo_offset)
    return PartitionState(
        position=next((offset for offset in starts if offset >= 0), _UNKNOWN),
        readable_end=max(_UNKNOWN, partition.ls_offset),
        end=max(_UNKNOWN, partition.hi_offset),
        queued=partition.fetchq_cnt,
    )


class AskEnds(Protocol):
    """Asks Kafka for the ends of partitions; see `kafkaio.end_offsets.EndOffsets`."""

    def latest(self, partitions: Mapping[PartitionId, object]) -> Mapping[PartitionId, Ends]:
        """Return the ends that are known by now."""


class LagMonitor:
    """Exports the lag of the assigned partitions, and has `Health` check that they are read.

    The ends come from two sources: from librdkafka's statistics, and from requests of their own,
    since the statistics know only what the consumer fetched, and a consumer that has stopped
    fetching learns of no new records.

    Args:
        health: knows the assigned partitions, and judges whether they are read.
        export: called with the lag of each assigned partition.
        ends: asks Kafka where partitions end.
    """

    def __init__(
        self,
        health: Health,
        export: Callable[[Mapping[PartitionId, int]], None],
        ends: AskEnds,
    ) -> None:
        self._health = health
        self._export = export
        self._ends = ends

    def on_statistics(self, statistics: str) -> None:
        """Take a client's statistics; pass this method to the consumer as `stats_cb`."""
        assigned = self._health.partitions
        states = {
            partition: state
            for partition, state in partition_states(statistics).items()
            if partition in assigned
        }
        for partition, ends in self._ends.latest(states).items():
            if partition in states:
                states[partition] = states[partition].with_ends(ends)
        self._health.observe(states)
        self._export(
            {
                partition: state.lag
                for partition, state in states.items()
                if state.position >= 0 and state.end >= 0
            }
        )
