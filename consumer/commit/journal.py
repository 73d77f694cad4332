"""What each commit covers, partition by partition.

An alert can be counted by its readers; that a transaction without one was scored, and only once,
cannot be seen from outside. And what Kafka says a group has done may be out of date for a moment
(`consumer.commit.recovery`). So each commit writes, in the same transaction, one `JournalEntry`
for each input partition, into the journal's partition of the same number: which offsets it
covers and what the model was given of them.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from consumer.commit.sink import OutputRecord
from consumer.detector.checkpoint import Pending
from consumer.detector.decode import Batch
from consumer.detector.source import InputRecord
from events.codec import encode
from events.messages import JournalEntry


@dataclass(frozen=True, slots=True)
class Journal:
    """Where entries are written, and as whose.

    Attributes:
        topic: where to; it has at least as many partitions as the input.
        key: of the entries: who did it (the group), and on what (the input topic's id, which a
            topic of the same name that is made anew does not have).
    """

    topic: str
    key: bytes

    def records(self, pending: Pending) -> list[OutputRecord]:
        """Return the entries for what is to be committed."""
        records = []
        for place, following in pending.nexts.items():
            account = pending.accounts[place]
            entry = JournalEntry(
                topic=place[0],
                partition=place[1],
                first=pending.firsts[place],
                next=following,
                scored=account.scored,
                refused=account.refused,
                digest=account.digest,
            )
            records.append(OutputRecord(self.topic, self.key, encode(entry), partition=place[1]))
        return records


def note(pending: Pending, messages: Sequence[InputRecord], batch: Batch) -> None:
    """Add what the model was given of these messages to the accounts of their partitions."""
    refused = {(letter.topic, letter.partition, letter.offset) for letter in batch.dead_letters}
    given = iter(batch.ids)
    for message in messages:
        place = (message.topic(), message.partition())
        account = pending.accounts[place]
        if (*place, message.offset()) in refused:
            account.refused += 1
        else:
            account.scored += 1
            account.digest += zlib.crc32(next(given).encode())
