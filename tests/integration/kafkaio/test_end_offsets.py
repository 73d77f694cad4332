"""The ends of partitions, asked for without waiting."""

from events.topics import Topics
from kafkaio.end_offsets import EndOffsets, Ends
from kafkaio.partitions import PartitionId
from kafkaio.settings import KafkaSettings
from tests.support.clock import ManualClock
from tests.support.command import Transactions, until


def test_ends_are_known_soon_and_stop_before_open_transactions(
    kafka_settings: KafkaSettings, topics: Topics
) -> None:
    transactions = Transactions(kafka_settings)
    transactions.write(topics.transactions, b"a", b"b")
    transactions.begin(topics.transactions, b"c")
    clock = ManualClock()
    ends = EndOffsets(kafka_settings, clock=clock)
    first, second = (topics.transactions, 0), (topics.transactions, 1)
    asked: list[PartitionId] = [first, second, (topics.transactions, 7)]  # there is no partition 7

    def known() -> dict[PartitionId, Ends]:
        clock.now += 1.0
        return ends.latest(asked)

    until(lambda: known() == {first: Ends(3, 4), second: Ends(0, 0)}, "the ends")
    transactions.commit()
    until(lambda: known()[first] == Ends(5, 5), "the end of the transaction")
    assert ends.latest([second]) == {second: Ends(0, 0)}
