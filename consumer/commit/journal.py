"""The journal: which offsets each commit covers, partition by partition.

Readers can count alerts; that a transaction without an alert was scored, and only once, cannot be
seen from outside. And the offsets that Kafka reports for a group may be out of date for a moment
(`consumer.commit.recovery`). So each commit writes, in the same transaction, one `JournalEntry`
for each input partition, into the journal's partition of the same number: the offsets it covers
and what the model scored of them.
"""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass

from consumer.commit.sink import OutputRecord
from events.codec import encode
from events.messages import JournalEntry


@dataclass(slots=True)
class Account:
    """What was done with the records of one partition since the last commit.

    Attributes:
        topic: of the input.
        partition: of the input.
        first: the first offset that was read.
        next: the offset after the last one that was read.
        scored: transactions that the model scored.
        rejected: records that became dead letters.
        digest: as in `events.messages.JournalEntry`.
    """

    topic: str
    partition: int
    first: int
    next: int
    scored: int = 0
    rejected: int = 0
    digest: int = 0

    def add_scored(self, transaction_id: str) -> None:
        """Count a scored transaction."""
        self.scored += 1
        self.digest += zlib.crc32(transaction_id.encode())


@dataclass(slots=True)
class Journal:
    """Where entries are written, and under which key.

    Attributes:
        topic: where to; it has at least as many partitions as the input.
        group: that reads the input.
        source_id: the id of the input topic, which a recreated topic of the same name does not
            share; changes when the input is recreated.
    """

    topic: str
    group: str
    source_id: str

    @property
    def key(self) -> bytes:
        """The key of the entries."""
        return f"{self.group} {self.source_id}".encode()

    def records(self, accounts: Iterable[Account]) -> list[OutputRecord]:
        """Return the entries for what is about to be committed."""
        return [
            OutputRecord(self.topic, self.key, encode(_entry(account)), partition=account.partition)
            for account in accounts
        ]


def _entry(account: Account) -> JournalEntry:
    return JournalEntry(
        topic=account.topic,
        partition=account.partition,
        first=account.first,
        next=account.next,
        scored=account.scored,
        refused=account.rejected,
        digest=account.digest,
    )
