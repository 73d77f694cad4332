"""Where partitions begin in which the group has no committed offset."""

import logging
from collections.abc import Mapping

from consumer.detector.protocols import OutputPositions

logger = logging.getLogger(__name__)

Bounds = tuple[int, int]
"""A partition's first offset, and its end."""


class Beginning:
    """Chooses the first position of a group, or the next one of a group whose offsets expired.

    Args:
        topic: the input.
        at_end: whether a new group begins at the end of the topic, not at its first record.
        outputs: where the group's outputs come from; None if that does not tell how far it is.
    """

    def __init__(self, topic: str, *, at_end: bool, outputs: OutputPositions | None = None) -> None:
        self._topic = topic
        self._at_end = at_end
        self._outputs = outputs

    def offsets(self, topic_id: str, partitions: Mapping[int, Bounds]) -> dict[int, int]:
        """Return the first offset to read of each partition.

        Raises:
            KafkaException: if that cannot be determined at present; call again.
        """
        # Without records there is nothing to process twice, and no need to read the outputs.
        filled = [number for number, (first, end) in partitions.items() if first < end]
        expired = self._after_outputs(topic_id, filled)
        return {
            number: expired.get(number) or self._new(number, bounds)
            for number, bounds in partitions.items()
        }

    def _after_outputs(self, topic_id: str, partitions: list[int]) -> dict[int, int]:
        if not partitions or self._outputs is None:
            return {}
        positions = self._outputs.next_offsets(topic_id, partitions)
        found = {number: position for number, position in positions.items() if position}
        for number, position in found.items():
            logger.warning(
                "The group has no committed offset in %s [%d], although it has raised alerts or "
                "dead letters up to offset %d: its offsets have expired. It continues after that.",
                self._topic,
                number,
                position - 1,
            )
        return found

    def _new(self, number: int, bounds: Bounds) -> int:
        first, end = bounds
        start = end if self._at_end else first
        logger.warning(
            "The group has no committed offset in %s [%d] and begins at offset %d. If it had one "
            "before, that has expired, and records are scored again.",
            self._topic,
            number,
            start,
        )
        return start
