"""The committed positions according to the journal in memory."""

from collections.abc import Mapping, Sequence

from confluent_kafka import KafkaError

from consumer.commit.journal import Journal
from events.codec import decode_journal_entry
from tests.order.external import ExternalCall
from tests.order.memory import Broker, Status, kafka_exception


class MemoryJournalPositions:
    """Reads the last entry of each partition, as `consumer.commit.recovery.JournalPositions`."""

    def __init__(self, broker: Broker, journal: Journal, external: ExternalCall) -> None:
        self._broker = broker
        self._journal = journal
        self._external = external

    def next_offsets(self, partitions: Sequence[int]) -> Mapping[int, int]:
        def effect() -> dict[int, int]:
            return {partition: self._next_offset(partition) for partition in partitions}

        return self._external("read journal", effect)

    def _next_offset(self, partition: int) -> int:
        log = self._broker.logs[self._journal.topic, partition]
        if any(record.transaction and record.transaction.status is Status.OPEN for record in log):
            raise kafka_exception(KafkaError.UNSTABLE_OFFSET_COMMIT, retriable=True)
        values = [
            record.value()
            for record in log
            if record.readable and record.key() == self._journal.key
        ]
        return decode_journal_entry(values[-1]).next if values else 0
