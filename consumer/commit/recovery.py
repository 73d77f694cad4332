"""Where to go on: what the journal says is done, since Kafka itself may have forgotten.

The group's offsets are in a log, and right there. What a member is told of them when partitions are
assigned to it was seen to be behind that now and then, right after a fault: offsets of long ago, or
none (docs/delivery.md). Going on there would do everything since then a second time.

The journal's entries were written in the very transactions that moved the offsets. So the later
of the two is where to go on.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from confluent_kafka import (
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    Message,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec

from consumer.commit.journal import Journal
from events.codec import decode_journal_entry
from events.topics import Topics
from kafkaio.clients import make_consumer
from kafkaio.errors import BrokerUnavailableError, TopicMissingError
from kafkaio.settings import KafkaSettings

ANSWER_SECONDS = 5.0

# A partition's last entry is within a few records of the end (each transaction adds its marker),
# unless other groups write there too; so look at few, then at four times as many, and so on.
FIRST_LOOK = 64
LOOK_FACTOR = 4


def open_journal(settings: KafkaSettings, topics: Topics, group: str) -> Journal:
    """Return the journal of a group.

    Raises:
        TopicMissingError: if the journal has fewer partitions than the input.
        BrokerUnavailableError: if Kafka does not answer.
    """
    asked = TopicCollection([topics.transactions, topics.journal])
    admin = AdminClient(settings.client())
    answers = admin.describe_topics(asked, request_timeout=ANSWER_SECONDS)
    try:
        source, journal = (answers[name].result() for name in asked.topic_names)
    except KafkaException as error:
        raise BrokerUnavailableError(
            f"Kafka at {settings.broker} does not answer: {error.args[0].str()}."
        ) from error
    if len(journal.partitions) < len(source.partitions):
        raise TopicMissingError(
            f"Topic {journal.name} has {len(journal.partitions)} partitions and {source.name} has "
            f"{len(source.partitions)}; give it as many (kafka-topics.sh --alter --topic "
            f"{journal.name} --partitions {len(source.partitions)}), or use --no-journal."
        )
    return Journal(topics.journal, f"{group} {source.topic_id}".encode())


class JournalPositions:
    """Reads the last entry of each of the journal's partitions.

    Args:
        settings: how to reach Kafka.
        journal: what is read.
    """

    def __init__(self, settings: KafkaSettings, journal: Journal) -> None:
        self._settings = settings
        self._journal = journal

    def next_offsets(self, partitions: Sequence[int]) -> Mapping[int, int]:
        """See `consumer.detector.source.CommittedPositions`.

        An open transaction is one whose owner is still at it, or died: what it covers is not known
        before it ends, in ten seconds at most.
        """
        begins, ends = self._bounds(partitions)
        with self._reading() as consumer:
            return {
                partition: self._next_offset(consumer, partition, begins[partition], end)
                for partition, end in ends.items()
            }

    def _bounds(self, partitions: Sequence[int]) -> tuple[dict[int, int], dict[int, int]]:
        """Return the first offset and the one after the last of the journal's partitions."""
        admin = AdminClient(self._settings.client())
        earliest = OffsetSpec.earliest()  # type: ignore[no-untyped-call]  # theirs
        latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]  # theirs
        first = self._ask(admin, partitions, earliest)
        every, stable = (
            self._ask(admin, partitions, latest, level)
            for level in (IsolationLevel.READ_UNCOMMITTED, IsolationLevel.READ_COMMITTED)
        )
        if stable != every:
            raise KafkaException(
                KafkaError(KafkaError.UNSTABLE_OFFSET_COMMIT, "A transaction is still open there")
            )
        return first, stable

    def _ask(
        self,
        admin: AdminClient,
        partitions: Sequence[int],
        which: OffsetSpec,
        level: IsolationLevel = IsolationLevel.READ_UNCOMMITTED,
    ) -> dict[int, int]:
        asked = {TopicPartition(self._journal.topic, number): which for number in partitions}
        answers = admin.list_offsets(asked, isolation_level=level, request_timeout=ANSWER_SECONDS)
        return {place.partition: answer.result().offset for place, answer in answers.items()}

    @contextmanager
    def _reading(self) -> Iterator[Consumer]:
        # An empty answer, which says that this is the end, comes at once.
        chosen = {"fetch.wait.max.ms": 10}
        required: dict[str, Any] = {
            "group.id": "unused",  # it has to be there; nothing is joined or committed
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
        }
        consumer = make_consumer(self._settings.client(chosen, required=required))
        try:
            yield consumer
        finally:
            consumer.close()

    def _next_offset(self, consumer: Consumer, partition: int, first: int, end: int) -> int:
        length = FIRST_LOOK
        while end > first:
            begin = max(first, end - length)
            ours = [
                message
                for message in self._read(consumer, partition, begin)
                if message.key() == self._journal.key
            ]
            if ours:
                return decode_journal_entry(ours[-1].value()).next
            end, length = begin, length * LOOK_FACTOR
        return 0

    def _read(self, consumer: Consumer, partition: int, begin: int) -> list[Message]:
        """Return the committed records of a partition of the journal from an offset on."""
        consumer.assign([TopicPartition(self._journal.topic, partition, begin)])
        found: list[Message] = []
        while (message := consumer.poll(ANSWER_SECONDS)) is not None:
            error = message.error()
            if error is None:
                found.append(message)
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001
                return found
            elif error.code() != KafkaError.GROUP_AUTHORIZATION_FAILED:  # the group is not used
                raise KafkaException(error)
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT, "No answer"))  # noqa: SLF001
