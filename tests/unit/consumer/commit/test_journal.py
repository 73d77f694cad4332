"""The journal has an entry for each partition: which offsets, and what the model scored."""

import zlib

from confluent_kafka import TopicPartition
from prometheus_client import CollectorRegistry

from consumer.commit.journal import Journal
from consumer.detector.checkpoint import Checkpoint
from consumer.detector.dead_letter_limit import DeadLetterLimit
from consumer.detector.decode import Decoder
from consumer.detector.metrics import DetectorMetrics
from events.codec import decode_journal_entry, encode
from events.messages import FEATURES, JournalEntry, Transaction
from tests.support.records import StoredRecord


def record(partition: int, offset: int, name: str = "") -> StoredRecord:
    """Return a transaction with this id, or without one an invalid record."""
    numbers = dict.fromkeys(FEATURES, 0.0)
    value = encode(Transaction(transaction_id=name, **numbers)) if name else b"{"
    return StoredRecord(partition, offset, value)


def checkpoint_of(*batches: list[StoredRecord]) -> Checkpoint:
    checkpoint = Checkpoint(DetectorMetrics(CollectorRegistry()), DeadLetterLimit(0, 0))
    for batch in batches:
        checkpoint.add(batch)
        checkpoint.account(batch, Decoder(FEATURES).decode(batch))
    return checkpoint


def entries(checkpoint: Checkpoint) -> list[JournalEntry]:
    records = Journal("journal", "group", "id").records(checkpoint.accounts())
    assert {(record.topic, record.key) for record in records} == {("journal", b"group id")}
    entries = [decode_journal_entry(record.value) for record in records]
    assert [record.partition for record in records] == [entry.partition for entry in entries]
    return entries


def digest(*names: str) -> int:
    return sum(zlib.crc32(name.encode()) for name in names)


def test_batches_of_several_partitions_add_up_by_partition() -> None:
    checkpoint = checkpoint_of(
        [record(0, 5, "a"), record(1, 9), record(0, 6, "b")],
        [record(1, 10, "c"), record(1, 11), record(0, 7, "a")],
    )
    assert entries(checkpoint) == [
        JournalEntry("transactions", 0, 5, 8, 3, 0, digest("a", "b", "a")),
        JournalEntry("transactions", 1, 9, 12, 1, 2, digest("c")),
    ]


def test_a_revoked_partition_has_no_entry() -> None:
    checkpoint = checkpoint_of([record(0, 0, "a"), record(1, 0, "b")])
    checkpoint.release([TopicPartition("transactions", 0)])
    assert [entry.partition for entry in entries(checkpoint)] == [1]
