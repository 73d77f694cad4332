"""Asks Kafka where partitions end, without waiting for the answers."""

import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from confluent_kafka import IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin._listoffsets import OffsetSpec

from kafkaio.clients import make_admin
from kafkaio.partitions import PartitionId
from kafkaio.settings import KafkaSettings

if TYPE_CHECKING:
    from concurrent.futures import Future

    from confluent_kafka.admin._listoffsets import ListOffsetsResultInfo

    _Answers = dict[TopicPartition, Future[ListOffsetsResultInfo]]

EVERY_SECONDS = 5.0
_ANSWER_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Ends:
    """Where one partition ends.

    Attributes:
        readable: before the first transaction that is still open.
        all: after the last record.
    """

    readable: int
    all: int


class EndOffsets:
    """Asks for the ends of partitions every `EVERY_SECONDS`; never blocks.

    Args:
        settings: how to reach Kafka.
        clock: monotonic seconds.
    """

    def __init__(
        self, settings: KafkaSettings, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        # Its connection errors would only repeat those of the consumer.
        self._admin = make_admin({**settings.client(), "log_level": 0})
        self._clock = clock
        self._asked: tuple[_Answers, _Answers] | None = None
        self._next = clock()
        self._known: dict[PartitionId, Ends] = {}

    def latest(self, partitions: Collection[PartitionId]) -> dict[PartitionId, Ends]:
        """Return the ends that are known by now; ask again if that is due.

        Args:
            partitions: to ask about; those of earlier calls are forgotten.
        """
        if self._asked is not None and _all_done(self._asked):
            self._known = _ends(*self._asked)
            self._asked = None
        if partitions and self._asked is None and self._clock() >= self._next:
            self._next = self._clock() + EVERY_SECONDS
            self._asked = (
                self._ask(partitions, IsolationLevel.READ_COMMITTED),
                self._ask(partitions, IsolationLevel.READ_UNCOMMITTED),
            )
        return {part: ends for part, ends in self._known.items() if part in partitions}

    def _ask(self, partitions: Iterable[PartitionId], level: IsolationLevel) -> "_Answers":
        latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]  # theirs
        return self._admin.list_offsets(
            {TopicPartition(*partition): latest for partition in partitions},
            isolation_level=level,
            request_timeout=_ANSWER_SECONDS,
        )


def _all_done(asked: "Iterable[_Answers]") -> bool:
    return all(answer.done() for answers in asked for answer in answers.values())


def _ends(readable: "_Answers", every: "_Answers") -> dict[PartitionId, Ends]:
    first, second = _offsets(readable), _offsets(every)
    return {
        partition: Ends(offset, second[partition])
        for partition, offset in first.items()
        if partition in second
    }


def _offsets(answers: "_Answers") -> dict[PartitionId, int]:
    """Return the offsets of the partitions for which Kafka answered."""
    result = {}
    for partition, answer in answers.items():
        try:
            result[partition.topic, partition.partition] = answer.result().offset
        except KafkaException:
            continue  # unknown at present: a leader is moving, or Kafka is away
    return result
