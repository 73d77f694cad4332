"""Where a group resumes whose committed offsets have expired: after the source of its last output.

Kafka deletes the offsets of a group without members after a week. The alerts and dead letters are
still there, and name the records that they were raised for. They were written in the transactions
that committed those offsets, so everything up to the furthest of these records was processed; what
was processed after it raised nothing, and is processed again without a duplicate.
"""

import logging
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from typing import Protocol, cast

from confluent_kafka import KafkaError, KafkaException
from msgspec import UNSET

from events.codec import SOURCE_HEADER, decode_alert, read_dead_letter, source_header
from events.errors import PayloadError
from events.topics import Topics
from kafkaio.errors import ClientFailedError, TopicMissingError
from kafkaio.permissions import Permission, explain_missing
from kafkaio.reading import read_topic
from kafkaio.settings import KafkaSettings

logger = logging.getLogger(__name__)

# A member has to poll its group every 30 s (kafkaio.clients), so a long topic is read in parts.
PART_SECONDS = 2.0

# An open transaction of a dead owner ends after 10 s, and up to 10 s more until a broker looks.
SILENCE_SECONDS = 10.0
FAILING_SECONDS = 60.0


class Output(Protocol):
    """An alert or a dead letter in its topic: a `confluent_kafka.Message` without an error."""

    def topic(self) -> str:
        """Return the topic it was read from."""

    def key(self) -> bytes | None:
        """Return its key."""

    def value(self) -> bytes | None:
        """Return its value."""

    def headers(self) -> list[tuple[str, bytes | None]] | None:
        """Return its headers."""


ReadTopic = Callable[[str], Iterable[Output]]
"""Returns the committed records of a topic, up to its present end."""


class KafkaOutputPositions:
    """Reads where the outputs of a group come from; see `consumer.detector.protocols`.

    Args:
        settings: how to reach Kafka.
        topics: the topics' names.
        group: whose outputs count.
        read: reads a topic; None for `kafkaio.reading.read_topic`.
        monotonic: seconds for deadlines.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        topics: Topics,
        group: str,
        *,
        read: ReadTopic | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._topics = topics
        self._group = group
        self._read = read or self._read_topic
        self._monotonic = monotonic
        self._wanted: tuple[str, frozenset[int]] | None = None
        self._records: Generator[Output] | None = None
        self._number = 0
        self._found: dict[int, int] = {}
        self._failing_since: float | None = None
        self._last_failure = 0.0

    def next_offsets(self, topic_id: str, partitions: Sequence[int]) -> Mapping[int, int]:
        """Read for a while; see `consumer.detector.protocols.OutputPositions`.

        Raises a KafkaException until everything is read.
        """
        wanted = (topic_id, frozenset(partitions))
        if self._records is None or wanted != self._wanted:
            self.close()
            self._wanted, self._records = wanted, self._all_records()
            self._number, self._found = 0, dict.fromkeys(partitions, 0)
        try:
            self._read_on(self._records, topic_id)
        except KafkaException as error:
            if error.args[0].code() != KafkaError._IN_PROGRESS:  # noqa: SLF001 - a public code
                self.close()
                self._give_up_after_a_while(error)
            raise
        self.close()
        return self._found

    def close(self) -> None:
        """Stop reading."""
        if self._records is not None:
            self._records.close()
            self._records = None

    def _read_on(self, records: Iterable[Output], topic_id: str) -> None:
        """Read on, for `PART_SECONDS` at most."""
        mark = source_header(self._group, topic_id)
        deadline = self._monotonic() + PART_SECONDS
        for record in records:
            self._number += 1
            advance(self._found, record, mark, self._topics)
            if self._monotonic() >= deadline:
                raise KafkaException(
                    KafkaError(
                        KafkaError._IN_PROGRESS,  # noqa: SLF001 - a public code
                        f"{self._topics.alerts} and {self._topics.dead_letters} are being read, "
                        f"{self._number:,} records so far",
                    )
                )

    def _all_records(self) -> Generator[Output]:
        for topic in (self._topics.alerts, self._topics.dead_letters):
            try:
                yield from self._read(topic)
            except TopicMissingError:
                continue  # so there is no output in it
            except KafkaException as error:
                if error.args[0].code() != KafkaError.TOPIC_AUTHORIZATION_FAILED:
                    raise
                missing = explain_missing(self._settings, [Permission("Read", "topic", topic)])
                logger.warning(
                    "The group has no committed offsets; where its last records in %s come from is "
                    "not known: %s",
                    topic,
                    missing,
                )

    def _read_topic(self, topic: str) -> Iterable[Output]:
        records = read_topic(self._settings, topic, silence_maximum=SILENCE_SECONDS)
        return cast("Iterable[Output]", records)

    def _give_up_after_a_while(self, error: KafkaException) -> None:
        """Raise an error if reading has failed for `FAILING_SECONDS`, with no longer pause."""
        now = self._monotonic()
        if self._failing_since is None or now - self._last_failure > FAILING_SECONDS:
            self._failing_since = now
        self._last_failure = now
        if now - self._failing_since > FAILING_SECONDS:
            raise ClientFailedError(
                f"The group has no committed offsets, and its last records in "
                f"{self._topics.alerts} and {self._topics.dead_letters} cannot be read for "
                f"{FAILING_SECONDS:.0f} s: {error.args[0].str().rstrip('.')}."
            ) from error


def advance(
    positions: dict[int, int], output: Output, mark: tuple[str, bytes], topics: Topics
) -> None:
    """Move the position of an output's partition past its source.

    Args:
        positions: by partition of the input; others are left out.
        output: is ignored unless it has the mark.
        mark: a source header.
        topics: the topics' names.
    """
    # A rejected record may have had a header of this name; ours is the last one.
    marks = [header for header in output.headers() or () if header[0] == SOURCE_HEADER]
    if marks and marks[-1] == mark:
        partition, offset = _source(output, topics) or (-1, 0)
        if offset >= positions.get(partition, offset + 1):
            positions[partition] = offset + 1


def _source(output: Output, topics: Topics) -> tuple[int, int] | None:
    """Return the partition and the offset of the record that an output was raised for.

    Returns None if it does not say.
    """
    try:
        if output.topic() != topics.alerts:
            letter = read_dead_letter(output.key(), None, tuple(output.headers() or ()))
            return letter.partition, letter.offset
        alert = decode_alert(output.value())
    except PayloadError:
        return None
    if alert.partition is UNSET or alert.offset is UNSET:
        return None
    return alert.partition, alert.offset
