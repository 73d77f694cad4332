"""What stands in Kafka at the end, as readers of committed and of all records find it."""

import zlib
from collections import defaultdict
from typing import Literal

from confluent_kafka import Consumer, IsolationLevel, KafkaError, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec

from events.codec import decode_journal_entry
from events.messages import JournalEntry
from events.topics import Topics
from fraudstream.demo.reconciliation import read_all
from kafkaio.settings import KafkaSettings
from tests.support.detector import transaction

PARTITIONS = 2
"""Of each topic of a test."""


def alerts(settings: KafkaSettings, topics: Topics) -> list[str]:
    """Return the keys of all committed alerts, sorted."""
    return sorted((message.key() or b"").decode() for message in read_all(settings, topics.alerts))


def rows(*numbers: int) -> list[str]:
    """Return the keys of the alerts for these transactions, as `alerts` would."""
    return [transaction(number, fraud=True).transaction_id for number in sorted(numbers)]


Isolation = Literal["read_committed", "read_uncommitted"]


def readable(settings: KafkaSettings, topic: str, isolation: Isolation) -> list[bytes | None]:
    """Return the keys of the records that such a reader gets at this moment."""
    consumer = Consumer(
        settings.client(
            required={
                "group.id": "never joined",
                "isolation.level": isolation,
                "enable.partition.eof": True,
                "enable.auto.commit": False,
            }
        )
    )
    consumer.assign([TopicPartition(topic, number, 0) for number in range(PARTITIONS)])
    keys: list[bytes | None] = []
    ends = 0
    try:
        while ends < PARTITIONS:
            for message in consumer.consume(1000, timeout=0.1):
                error = message.error()
                if error is None:
                    keys.append(message.key())
                else:
                    assert error.code() == KafkaError._PARTITION_EOF, error
                    ends += 1
    finally:
        consumer.close()
    return keys


def has_open_transaction(settings: KafkaSettings, topic: str) -> bool:
    """Tell whether readers of committed records are held up before the topic's end."""
    admin = AdminClient(settings.client())
    latest = OffsetSpec.latest()
    asked = {TopicPartition(topic, number): latest for number in range(PARTITIONS)}
    committed, every = (
        [it.result().offset for it in admin.list_offsets(asked, isolation_level=level).values()]
        for level in (IsolationLevel.READ_COMMITTED, IsolationLevel.READ_UNCOMMITTED)
    )
    return committed != every


def assert_scored_once(settings: KafkaSettings, topics: Topics, published: list[str]) -> None:
    """Hold the journal against what was published: each once, whether it raised an alert or not."""
    entries = defaultdict[int, list[JournalEntry]](list)
    for message in read_all(settings, topics.journal):
        entry = decode_journal_entry(message.value())
        entries[entry.partition].append(entry)
    for journal in entries.values():
        journal.sort(key=lambda entry: entry.first)
        assert [entry.first for entry in journal] == [0, *(entry.next for entry in journal[:-1])]
    told = [entry for journal in entries.values() for entry in journal]
    assert sum(entry.scored for entry in told) == len(published)
    assert sum(entry.digest for entry in told) == sum(zlib.crc32(it.encode()) for it in published)
