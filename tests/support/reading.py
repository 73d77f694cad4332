"""Reads the records that a test left in Kafka, committed or not."""

import zlib
from collections import defaultdict
from typing import Literal

from events.codec import decode_journal_entry
from events.messages import JournalEntry
from events.topics import Topics
from kafkaio.clients import make_admin, make_consumer, reader_configuration
from kafkaio.partitions import PartitionId, end_offsets
from kafkaio.reading import read_to_end, read_topic
from kafkaio.settings import KafkaSettings
from tests.support.detector import PATIENCE, transaction

PARTITIONS = 2
"""Of each topic of a test."""


def alerts(settings: KafkaSettings, topics: Topics) -> list[str]:
    """Return the keys of all committed alerts, sorted."""
    return sorted(
        (message.key() or b"").decode() for message in read_topic(settings, topics.alerts)
    )


def rows(*numbers: int) -> list[str]:
    """Return the keys of the alerts for these transactions, as `alerts` does."""
    return [transaction(number, fraud=True).transaction_id for number in sorted(numbers)]


Isolation = Literal["read_committed", "read_uncommitted"]


def readable(settings: KafkaSettings, topic: str, isolation: Isolation) -> list[bytes | None]:
    """Return the keys of the records that a reader with this isolation level gets at present."""
    partitions = _partitions(topic)
    ends = end_offsets(
        make_admin(settings.client()),
        partitions,
        committed=isolation == "read_committed",
        timeout=PATIENCE,
    )
    configuration = {**reader_configuration(settings), "isolation.level": isolation}
    consumer = make_consumer(configuration)
    try:
        batches = read_to_end(consumer, dict.fromkeys(partitions, 0), ends)
        return [record.key() for batch in batches for record in batch]
    finally:
        consumer.close()


def has_open_transaction(settings: KafkaSettings, topic: str) -> bool:
    """Return whether an open transaction hides the topic's last records from readers."""
    admin = make_admin(settings.client())
    committed, every = (
        end_offsets(admin, _partitions(topic), committed=level, timeout=PATIENCE)
        for level in (True, False)
    )
    return committed != every


def _partitions(topic: str) -> list[PartitionId]:
    return [(topic, number) for number in range(PARTITIONS)]


def assert_scored_once(settings: KafkaSettings, topics: Topics, published: list[str]) -> None:
    """Assert by the journal that every published transaction was scored exactly once."""
    entries = defaultdict[int, list[JournalEntry]](list)
    for message in read_topic(settings, topics.journal):
        entry = decode_journal_entry(message.value())
        entries[entry.partition].append(entry)
    for journal in entries.values():
        journal.sort(key=lambda entry: entry.first)
        assert [entry.first for entry in journal] == [0, *(entry.next for entry in journal[:-1])]
    every = [entry for journal in entries.values() for entry in journal]
    assert sum(entry.scored for entry in every) == len(published)
    assert sum(entry.digest for entry in every) == sum(
        zlib.crc32(key.encode()) for key in published
    )
