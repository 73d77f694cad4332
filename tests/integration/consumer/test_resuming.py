"""Resuming after Kafka reports old offsets: the journal has the position."""

import time
from collections.abc import Callable, Mapping, Sequence

import pytest
from confluent_kafka import (
    ConsumerGroupTopicPartitions,
    KafkaError,
    KafkaException,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient

from consumer.commit.recovery import JournalPositions, open_journal
from consumer.commit.sink import CommitStep
from events.codec import encode
from events.messages import JournalEntry
from events.topics import Topics
from kafkaio.errors import TooFewPartitionsError
from kafkaio.settings import KafkaSettings
from kafkaio.topics import create_topics, delete_topics
from tests.support.detector import PATIENCE, DetectorThread, payloads, publish, transaction
from tests.support.reading import PARTITIONS, alerts, assert_scored_once, rows
from tests.support.standstill import Standstill, at

Detect = Callable[..., DetectorThread]


def reset_offsets(settings: KafkaSettings, topics: Topics, group: str, offset: int) -> None:
    """Set the offsets of a group without members, as if its coordinator had lost newer ones."""
    offsets = [TopicPartition(topics.transactions, number, offset) for number in range(PARTITIONS)]
    request = ConsumerGroupTopicPartitions(group, offsets)
    admin = AdminClient(settings.client())
    answer = admin.alter_consumer_group_offsets([request])[group].result(PATIENCE)
    for partition in answer.topic_partitions:
        if partition.error is not None:
            raise KafkaException(partition.error)


def reset_once_empty(settings: KafkaSettings, topics: Topics, group: str) -> None:
    """Reset the offsets to 0 as soon as the group has no members."""
    for _ in range(int(PATIENCE / 0.1)):
        try:
            reset_offsets(settings, topics, group, 0)
        except KafkaException:
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"the group still has members after {PATIENCE:.0f} s")


def run_until_scored(running: DetectorThread, records: int) -> None:
    running.wait_for(lambda: running.value("fraud_transactions_scored_total") >= records)
    running.stop()


@pytest.mark.parametrize("offset", [0, 3])
def test_lost_offsets_do_not_score_records_twice(
    detect: Detect,
    kafka_settings: KafkaSettings,
    topics: Topics,
    offset: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    frauds = [number % 3 == 0 for number in range(60)]
    publish(kafka_settings, topics, payloads(frauds[:40]))
    first = detect(journal=True)
    run_until_scored(first, 40)
    reset_offsets(kafka_settings, topics, first.options.group, offset)
    publish(kafka_settings, topics, payloads(frauds)[40:])
    second = detect(journal=True)
    run_until_scored(second, 20)
    assert second.value("fraud_transactions_scored_total") == 20
    assert alerts(kafka_settings, topics) == rows(*range(0, 60, 3))
    assert_scored_once(
        kafka_settings,
        topics,
        [transaction(number, fraud=False).transaction_id for number in range(60)],
    )
    assert "is committed: continuing there" in caplog.text


def test_at_least_once_scores_again_after_lost_offsets(
    detect: Detect, kafka_settings: KafkaSettings, topics: Topics
) -> None:
    publish(kafka_settings, topics, payloads([True] * 10))
    options = {"journal": True, "delivery": "at-least-once"}
    first = detect(**options)
    run_until_scored(first, 10)
    reset_offsets(kafka_settings, topics, first.options.group, 0)
    run_until_scored(detect(**options), 10)
    assert alerts(kafka_settings, topics) == sorted(2 * rows(*range(10)))


def next_offsets(
    positions: JournalPositions, partitions: Sequence[int] = range(PARTITIONS)
) -> Mapping[int, int]:
    """Return the positions, asking again after an error.

    A new topic has no leaders yet, and a commit or an abort returns before its markers are written
    to all partitions.
    """
    for _ in range(int(PATIENCE / 0.1)):
        try:
            return positions.next_offsets(partitions)
        except KafkaException:
            time.sleep(0.1)
    pytest.fail(f"no answer within {PATIENCE:.0f} s")


def test_without_a_journal_a_detector_remembers_its_own_commits(
    detect: Detect, kafka_settings: KafkaSettings, topics: Topics, standstill: Standstill
) -> None:
    # A member that does not poll for this long leaves the group; brokers accept no less.
    impatient = {"max.poll.interval.ms": "6000", "session.timeout.ms": "6000"}
    publish(kafka_settings, topics, payloads([True] * 10))
    hook = at(CommitStep.DONE, standstill)
    running = detect(KafkaSettings(kafka_settings.broker, impatient), hook=hook)
    standstill.wait()
    reset_once_empty(kafka_settings, topics, running.options.group)
    standstill.release()
    running.wait_for(lambda: running.value("fraud_kafka_rebalances_total", event="assigned") == 2)
    publish(kafka_settings, topics, payloads([True] * 20)[10:])
    run_until_scored(running, 20)
    assert running.value("fraud_transactions_scored_total") == 20
    assert alerts(kafka_settings, topics) == rows(*range(20))


class Writer:
    """Writes journal entries into partition 0."""

    def __init__(self, settings: KafkaSettings, topics: Topics) -> None:
        self._topics = topics
        self.producer = Producer(settings.client({"transactional.id": topics.prefix}))
        self.producer.init_transactions(PATIENCE)

    def write(self, key: bytes, following: int) -> None:
        entry = JournalEntry(self._topics.transactions, 0, 0, following, 0, 0, 0)
        self.producer.produce(self._topics.journal, encode(entry), key, partition=0)

    def commit(self, key: bytes, *followings: int) -> None:
        self.producer.begin_transaction()
        for following in followings:
            self.write(key, following)
        self.producer.commit_transaction(PATIENCE)


def test_the_last_committed_entry_of_the_group_is_the_position(
    kafka_settings: KafkaSettings, topics: Topics
) -> None:
    journal = open_journal(kafka_settings, topics, "ours")
    positions = JournalPositions(kafka_settings, journal)
    assert next_offsets(positions) == {0: 0, 1: 0}

    writer = Writer(kafka_settings, topics)
    writer.commit(journal.key, 5)
    writer.commit(journal.key, 7)
    assert next_offsets(positions) == {0: 7, 1: 0}
    assert next_offsets(positions, [1]) == {1: 0}

    writer.producer.begin_transaction()
    writer.write(journal.key, 9)
    writer.producer.flush(PATIENCE)
    with pytest.raises(KafkaException) as caught:
        positions.next_offsets([0])
    assert caught.value.args[0].code() == KafkaError.UNSTABLE_OFFSET_COMMIT
    writer.producer.abort_transaction(PATIENCE)
    assert next_offsets(positions, [0]) == {0: 7}

    writer.commit(open_journal(kafka_settings, topics, "others").key, *range(8, 500))
    assert next_offsets(positions, [0]) == {0: 7}


def test_a_recreated_topic_has_a_new_journal_key(
    kafka_settings: KafkaSettings, topics: Topics
) -> None:
    before = open_journal(kafka_settings, topics, "ours")
    delete_topics(kafka_settings, [topics.transactions])
    create_topics(kafka_settings, [topics.transactions], partitions=PARTITIONS, retention=None)
    assert open_journal(kafka_settings, topics, "ours").key != before.key


def test_a_journal_with_too_few_partitions_is_rejected(
    kafka_settings: KafkaSettings, topics: Topics
) -> None:
    delete_topics(kafka_settings, [topics.journal])
    create_topics(kafka_settings, [topics.journal], partitions=1, retention=None)
    with pytest.raises(TooFewPartitionsError, match=r"has 1 partitions and .* has 2; increase"):
        open_journal(kafka_settings, topics, "ours")
