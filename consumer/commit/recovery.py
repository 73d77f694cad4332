"""Where to resume: the positions in the journal, since Kafka itself may report older ones.

The group's offsets are stored in a log, and are right there. But the broker was seen to report
older offsets, or none, to a member that was assigned partitions right after a fault
(docs/delivery.md). Resuming there would process everything since then a second time.

The journal's entries were written in the same transactions that moved the offsets. So the later of
the two positions is where to resume.
"""

from collections.abc import Mapping, Sequence

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

from consumer.commit.journal import Journal
from events.codec import decode_journal_entry
from events.topics import Topics
from kafkaio.clients import make_admin, make_consumer, reader_configuration
from kafkaio.errors import BrokerUnavailableError, TooFewPartitionsError
from kafkaio.partitions import PartitionId, end_offsets, first_offsets, list_partitions
from kafkaio.reading import read_to_end
from kafkaio.settings import KafkaSettings

ANSWER_SECONDS = 5.0

# A partition's last entry is within a few records of the end (each transaction adds its marker),
# unless other groups write there too. So read a few records first, then four times as many before
# those, and so on.
FIRST_LOOK = 64
LOOK_FACTOR = 4


def open_journal(settings: KafkaSettings, topics: Topics, group: str) -> Journal:
    """Return the journal of a group.

    Raises:
        TooFewPartitionsError: if the journal has fewer partitions than the input.
        BrokerUnavailableError: if Kafka does not answer.
    """
    names = TopicCollection([topics.transactions, topics.journal])
    admin = make_admin(settings.client())  # a name keeps it alive until it has answered
    answers = admin.describe_topics(names, request_timeout=ANSWER_SECONDS)
    try:
        source, journal = (answers[name].result() for name in names.topic_names)
    except KafkaException as error:
        raise BrokerUnavailableError(
            f"Kafka at {settings.broker} does not answer: {error.args[0].str()}."
        ) from error
    if len(journal.partitions) < len(source.partitions):
        raise TooFewPartitionsError(
            f"Topic {journal.name} has {len(journal.partitions)} partitions and {source.name} has "
            f"{len(source.partitions)}; increase it to as many (kafka-topics.sh --alter --topic "
            f"{journal.name} --partitions {len(source.partitions)})."
        )
    return Journal(topics.journal, group, str(source.topic_id))


class JournalPartitions:
    """Knows the partitions that the journal has, and no positions in them.

    Args:
        settings: how to reach Kafka.
        journal: the journal.
    """

    def __init__(self, settings: KafkaSettings, journal: Journal) -> None:
        self._settings = settings
        self._journal = journal

    def next_offsets(self, partitions: Sequence[int]) -> Mapping[int, int]:
        """See `consumer.detector.protocols.CommittedPositions`.

        A partition that was added to the input and not to the journal is left out.
        """
        admin = make_admin(self._settings.client())
        return dict.fromkeys(self._existing(admin, partitions), 0)

    def _existing(self, admin: AdminClient, partitions: Sequence[int]) -> list[int]:
        """Return those partitions that the journal has, too."""
        journal = list_partitions(admin, [self._journal.topic], timeout=ANSWER_SECONDS)
        if not journal:
            raise KafkaException(KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART, "No journal"))
        return [number for number in partitions if (self._journal.topic, number) in journal]


class JournalPositions(JournalPartitions):
    """Reads how far the input is processed from the last entry of each partition of the journal."""

    def next_offsets(self, partitions: Sequence[int]) -> Mapping[int, int]:
        """See `consumer.detector.protocols.CommittedPositions`.

        The owner of an open transaction may be at work or dead. The position is not known before
        the transaction ends, in ten seconds at most. A partition that was added to the input and
        not to the journal is left out.
        """
        admin = make_admin(self._settings.client())
        partitions = self._existing(admin, partitions)
        firsts, ends = self._bounds(admin, partitions)
        found = dict.fromkeys(partitions, 0)
        consumer = make_consumer(
            # An empty answer, which marks the end of a partition, comes at once.
            reader_configuration(self._settings, {"fetch.wait.max.ms": 10})
        )
        length = FIRST_LOOK
        try:
            while ends:
                starts = {
                    partition: max(firsts[partition], end - length)
                    for partition, end in ends.items()
                }
                for batch in read_to_end(consumer, starts, ends, silence_maximum=ANSWER_SECONDS):
                    for record in batch:
                        if record.key() == self._journal.key:
                            entry = decode_journal_entry(record.value())
                            found[record.partition() or 0] = entry.next
                ends = {
                    partition: start
                    for partition, start in starts.items()
                    if not found[partition[1]] and start > firsts[partition]
                }
                length *= LOOK_FACTOR
        finally:
            consumer.close()
        return found

    def _bounds(
        self, admin: AdminClient, partitions: Sequence[int]
    ) -> tuple[dict[PartitionId, int], dict[PartitionId, int]]:
        """Return the first offset and the one after the last of the journal's partitions."""
        journal = [(self._journal.topic, number) for number in partitions]
        firsts = first_offsets(admin, journal, timeout=ANSWER_SECONDS)
        every, committed = (
            end_offsets(admin, journal, committed=level, timeout=ANSWER_SECONDS)
            for level in (False, True)
        )
        if committed != every:
            raise KafkaException(
                KafkaError(KafkaError.UNSTABLE_OFFSET_COMMIT, "A transaction is still open there")
            )
        return firsts, committed
