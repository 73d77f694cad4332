"""Records that can no longer be read are reported, and never skipped silently."""

import time
from collections.abc import Callable

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from consumer.detector.loop import OnGap
from consumer.errors import RecordsLostError
from events.codec import decode_journal_entry
from events.topics import Topics
from kafkaio.reading import read_topic
from kafkaio.settings import KafkaSettings
from kafkaio.topics import create_topics, delete_topics
from tests.support.detector import PATIENCE, DetectorThread, payloads, publish
from tests.support.reading import PARTITIONS, alerts, rows

Detect = Callable[..., DetectorThread]


def delete_records(settings: KafkaSettings, topics: Topics, before: int) -> None:
    """Delete the records of partition 0 before an offset, as retention does."""
    place = TopicPartition(topics.transactions, 0, before)
    admin = AdminClient(settings.client())  # a name keeps it alive until it has answered
    for answer in admin.delete_records([place]).values():
        answer.result(PATIENCE)


def recreate(settings: KafkaSettings, topics: Topics, *, pause: float) -> None:
    delete_topics(settings, [topics.transactions])
    time.sleep(pause)
    create_topics(settings, [topics.transactions], partitions=PARTITIONS, retention=None)


def score(running: DetectorThread, records: int) -> None:
    running.wait_for(lambda: running.value("fraud_transactions_scored_total") >= records)


def lost(running: DetectorThread, reason: str) -> tuple[float, float]:
    """Return the counts of gaps and of lost records."""
    return (
        running.value("fraud_gaps_total", reason=reason),
        running.value("fraud_records_lost_total", reason=reason),
    )


def frauds(*numbers: int) -> list[bytes | None]:
    """Return the payloads of these transactions, all of them frauds."""
    every = payloads([True] * (max(numbers) + 1))
    return [every[number] for number in numbers]


def ranges(settings: KafkaSettings, topics: Topics) -> list[tuple[int, int]]:
    """Return the ranges of offsets of partition 0 that the journal covers, joined."""
    joined: list[tuple[int, int]] = []
    for message in read_topic(settings, topics.journal):
        entry = decode_journal_entry(message.value())
        if entry.partition == 0 and entry.first < entry.next:
            if joined and joined[-1][1] == entry.first:
                joined[-1] = (joined[-1][0], entry.next)
            else:
                joined.append((entry.first, entry.next))
    return joined


@pytest.mark.parametrize("strategy", ["cooperative-sticky", "range"])
def test_records_that_retention_deleted_are_reported(
    detect: Detect,
    kafka_settings: KafkaSettings,
    topics: Topics,
    caplog: pytest.LogCaptureFixture,
    strategy: str,
) -> None:
    settings = KafkaSettings(kafka_settings.broker, {"partition.assignment.strategy": strategy})
    publish(kafka_settings, topics, frauds(*range(10)), partition=0)
    first = detect(settings, journal=True)
    score(first, 10)
    first.stop()
    publish(kafka_settings, topics, frauds(*range(10, 40)), partition=0)
    delete_records(kafka_settings, topics, 25)
    second = detect(settings, journal=True)
    score(second, 15)
    second.wait_for(lambda: lost(second, "deleted") == (1, 15))
    second.stop()
    assert alerts(kafka_settings, topics) == rows(*range(10), *range(25, 40))
    assert ranges(kafka_settings, topics) == [(0, 10), (25, 40)]
    (error,) = (record for record in caplog.records if record.levelname == "ERROR")
    assert error.getMessage() == (
        f"Offsets 10 to 24 of {topics.transactions} [0] cannot be read: Kafka deleted them before "
        "they were read (retention); continuing at offset 25."
    )


def leave_a_gap(detect: Detect, settings: KafkaSettings, topics: Topics, *, published: int) -> None:
    """Score offsets 0 to 9, publish up to this one, and delete those before 15."""
    publish(settings, topics, frauds(*range(10)), partition=0)
    first = detect()
    score(first, 10)
    first.stop()
    publish(settings, topics, frauds(*range(10, published)), partition=0)
    delete_records(settings, topics, 15)


def test_a_gap_is_committed_though_no_record_follows(
    detect: Detect, kafka_settings: KafkaSettings, topics: Topics
) -> None:
    leave_a_gap(detect, kafka_settings, topics, published=15)
    second = detect()
    second.wait_for(lambda: lost(second, "deleted") == (1, 5))
    second.stop()
    third = detect()
    publish(kafka_settings, topics, frauds(15), partition=0)
    score(third, 1)
    assert lost(third, "deleted") == (0, 0)


def test_a_detector_can_stop_at_a_gap(
    detect: Detect, kafka_settings: KafkaSettings, topics: Topics
) -> None:
    leave_a_gap(detect, kafka_settings, topics, published=20)
    for _ in range(2):
        stopping = detect(on_gap=OnGap.STOP)
        with pytest.raises(RecordsLostError, match=r"^Offsets 10 to 14 of .* continuing at"):
            stopping.join()
    second = detect()
    score(second, 5)
    second.stop()
    assert alerts(kafka_settings, topics) == rows(*range(10), *range(15, 20))


@pytest.mark.parametrize("journal", [False, True])
@pytest.mark.parametrize("pause", [0.0, 3.0])
def test_a_topic_that_is_recreated_under_a_detector_is_read_from_its_first_record(
    detect: Detect, kafka_settings: KafkaSettings, topics: Topics, pause: float, journal: bool
) -> None:
    publish(kafka_settings, topics, frauds(*range(20)), partition=0)
    running = detect(journal=journal)
    score(running, 20)
    recreate(kafka_settings, topics, pause=pause)
    publish(kafka_settings, topics, frauds(*range(100, 150)), partition=0)
    score(running, 70)
    running.wait_for(lambda: lost(running, "topic_recreated") == (PARTITIONS, 0))
    running.stop()
    again = detect(journal=journal)
    publish(kafka_settings, topics, frauds(150), partition=0)
    score(again, 1)
    again.stop()
    assert again.value("fraud_transactions_scored_total") == 1
    assert lost(again, "topic_recreated") == (0, 0)
    assert alerts(kafka_settings, topics) == rows(*range(20), *range(100, 151))


@pytest.mark.parametrize("journal", [False, True])
def test_a_topic_that_was_recreated_while_no_detector_ran_is_read_from_its_first_record(
    detect: Detect, kafka_settings: KafkaSettings, topics: Topics, journal: bool
) -> None:
    publish(kafka_settings, topics, frauds(*range(20)), partition=0)
    first = detect(journal=journal)
    score(first, 20)
    first.stop()
    recreate(kafka_settings, topics, pause=0.0)
    # As many as before, so that the old position is the new topic's end.
    publish(kafka_settings, topics, frauds(*range(100, 120)), partition=0)
    second = detect(journal=journal)
    score(second, 20)
    second.stop()
    assert alerts(kafka_settings, topics) == rows(*range(20), *range(100, 120))
