"""Positions that are stored as the offsets of a consumer group which nobody joins."""

import logging
from collections.abc import Collection, Mapping
from types import TracebackType
from typing import Self

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from kafkaio.clients import make_consumer, reader_configuration
from kafkaio.error_codes import BROKER_AWAY
from kafkaio.partitions import PartitionId
from kafkaio.permissions import Permission, PermissionCheck, require_granted
from kafkaio.settings import KafkaSettings

logger = logging.getLogger(__name__)

_ANSWER_SECONDS = 5.0


class GroupPositions:
    """Fetches and commits the offsets of a group, from outside of it.

    Use it in a `with` statement, in one thread.

    Args:
        settings: how to reach Kafka.
        group: the group's name.

    Raises:
        SettingsError: if a Kafka property is not accepted.
    """

    def __init__(self, settings: KafkaSettings, group: str) -> None:
        self._settings = settings
        self._group = group
        configuration = reader_configuration(settings, group=group, on_error=_ignore)
        self._consumer = make_consumer({**configuration, "on_commit": self._committed})
        self._logged: set[int] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._consumer.close()

    def fetch(self, partitions: Collection[PartitionId]) -> dict[PartitionId, int]:
        """Return the committed offset of each partition that has one.

        Raises:
            PermissionMissingError: if Kafka does not permit using the group.
            KafkaException: if Kafka does not answer; call again.
        """
        # Kafka would not answer a request for offsets that is not permitted.
        wanted = [
            Permission("Read", "topic", topic) for topic in {topic for topic, _ in partitions}
        ]
        wanted.append(Permission("Read", "group", self._group))
        report = PermissionCheck(self._settings).report(wanted, timeout=_ANSWER_SECONDS)
        require_granted(self._settings, report)
        answers = self._consumer.committed(
            [TopicPartition(*partition) for partition in partitions], timeout=_ANSWER_SECONDS
        )
        return {
            (answer.topic, answer.partition): answer.offset
            for answer in answers
            if answer.offset >= 0
        }

    def commit(self, positions: Mapping[PartitionId, int]) -> None:
        """Commit the next offset of each partition, in the background; log a failure."""
        self._consumer.poll(0)  # runs the callback of earlier commits
        self._consumer.commit(offsets=_offsets(positions), asynchronous=True)

    def commit_now(self, positions: Mapping[PartitionId, int]) -> None:
        """Commit the next offset of each partition, and wait for it; log a failure."""
        try:
            self._consumer.commit(offsets=_offsets(positions), asynchronous=False)
        except KafkaException as error:
            self._committed(error.args[0], [])

    def _committed(self, error: KafkaError | None, _partitions: list[TopicPartition]) -> None:
        if error is not None and error.code() not in self._logged:
            self._logged.add(error.code())
            logger.warning(
                "The positions of group %s cannot be committed at present: %s.",
                self._group,
                error.str(),
            )


def _offsets(positions: Mapping[PartitionId, int]) -> list[TopicPartition]:
    return [TopicPartition(*partition, offset) for partition, offset in positions.items()]


def _ignore(error: KafkaError) -> None:
    """Ignore outages, which the reader of the topics reports; log other errors."""
    if error.code() not in BROKER_AWAY:
        logger.warning("Kafka reports: %s", error.str())
