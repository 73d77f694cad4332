"""The replay on real Kafka: what a consumer of its topics sees."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from confluent_kafka import Consumer, TopicPartition

from events.codec import decode_label, decode_transaction
from events.messages import FEATURES
from events.topics import Topics
from kafkaio.errors import TopicMissingError
from kafkaio.settings import KafkaSettings
from producer.pace import Rate
from producer.replay import replay
from producer.rows import transaction_id

PATIENCE = 60.0
ROWS = 3_000


class Read(NamedTuple):
    partition: int
    key: str
    value: bytes
    timestamp_ms: int


@pytest.fixture
def frame() -> pd.DataFrame:
    """Rows a second of `Time` apart, every hundredth a fraud."""
    generator = np.random.default_rng(0)
    frame = pd.DataFrame(generator.normal(size=(ROWS, len(FEATURES))), columns=list(FEATURES))
    frame["Time"] = np.arange(ROWS, dtype="float64")
    frame["Amount"] = frame["Amount"].abs()
    return frame.assign(Class=np.where(np.arange(ROWS) % 100 == 0, 1, 0))


@pytest.fixture
def everything_in(kafka_settings: KafkaSettings) -> Callable[[str], list[Read]]:
    """Read a topic from its beginning to its present end, a partition after the other."""

    def read(topic: str) -> list[Read]:
        consumer = Consumer(
            kafka_settings.client({"group.id": "reading", "enable.auto.commit": False})
        )
        try:
            partitions = consumer.list_topics(topic).topics[topic].partitions
            return [record for number in partitions for record in _read(consumer, topic, number)]
        finally:
            consumer.close()

    return read


def _read(consumer: Consumer, topic: str, partition: int) -> Iterator[Read]:
    place = TopicPartition(topic, partition, 0)
    _, end = consumer.get_watermark_offsets(place)
    consumer.assign([place])
    deadline = time.monotonic() + PATIENCE
    offset = 0
    while offset < end:
        assert time.monotonic() < deadline, f"{topic} [{partition}]: {offset} of {end}"
        message: Any = consumer.poll(0.1)
        if message is not None:
            assert message.error() is None
            offset = message.offset() + 1
            yield Read(partition, message.key().decode(), message.value(), message.timestamp()[1])


def test_every_row_arrives_once_with_its_label(
    frame: pd.DataFrame,
    kafka_settings: KafkaSettings,
    topics: Topics,
    everything_in: Callable[[str], list[Read]],
) -> None:
    before = int(time.time() * 1000)
    told: list[int] = []
    report = replay(frame, kafka_settings, topics, label_delay=600, progress=told.append)
    after = time.time() * 1000

    assert (report.sent, report.delivered, report.failed) == (ROWS, ROWS, 0)
    assert (report.labels_sent, report.labels_delivered) == (ROWS, ROWS)
    assert sum(told) == ROWS

    transactions = everything_in(topics.transactions)
    assert sorted(read.key for read in transactions) == [transaction_id(row) for row in range(ROWS)]
    sent_at = {read.key: read.timestamp_ms for read in transactions}
    assert before <= min(sent_at.values()) <= max(sent_at.values()) <= after
    for read in transactions:
        transaction = decode_transaction(read.value)
        assert transaction.transaction_id == read.key
        row = frame.iloc[int(transaction.Time)]
        assert (transaction.V1, transaction.Amount) == (row["V1"], row["Amount"])
        assert b"Class" not in read.value
    # Both partitions took part, each in the rows' order.
    for partition in (0, 1):
        keys = [read.key for read in transactions if read.partition == partition]
        assert keys
        assert keys == sorted(keys)

    labels = everything_in(topics.labels)
    assert len(labels) == ROWS
    told_labels = {read.key: decode_label(read.value) for read in labels}
    assert sorted(told_labels) == sorted(sent_at)
    for row, (key, label) in enumerate(sorted(told_labels.items())):
        assert label.transaction_id == key
        assert label.event_time_ms == sent_at[key]
        assert label.Class == frame["Class"][row]


def test_labels_wait_for_their_delay(
    frame: pd.DataFrame,
    kafka_settings: KafkaSettings,
    topics: Topics,
    everything_in: Callable[[str], list[Read]],
) -> None:
    # 2,000 rows a second, each a second of Time: 600 s of delay are 600 rows, 0.3 s.
    replay(frame, kafka_settings, topics, pace=Rate(2_000), label_delay=600)

    rows = {read.key: read.timestamp_ms for read in everything_in(topics.transactions)}
    for read in everything_in(topics.labels):
        row = int(read.key.removeprefix("row-"))
        known = min(row + 600, ROWS - 1)  # at the end the rest follows at once
        assert read.timestamp_ms >= rows[transaction_id(known)]
        if known + 1 < ROWS:
            assert read.timestamp_ms <= rows[transaction_id(known + 1)]


def test_a_small_queue_holds_the_replay_back_and_loses_nothing(
    frame: pd.DataFrame,
    kafka_address: str,
    topics: Topics,
    everything_in: Callable[[str], list[Read]],
) -> None:
    narrow = KafkaSettings(kafka_address, {"queue.buffering.max.messages": "10", "linger.ms": "0"})

    report = replay(frame, narrow, topics)

    assert report.delivered == report.labels_delivered == ROWS
    assert len({read.key for read in everything_in(topics.transactions)}) == ROWS
    assert len(everything_in(topics.transactions)) == ROWS


def test_a_loop_goes_on_until_it_is_stopped(
    frame: pd.DataFrame,
    kafka_settings: KafkaSettings,
    topics: Topics,
    everything_in: Callable[[str], list[Read]],
) -> None:
    stop = threading.Event()
    sent = 0

    def count(rows: int) -> None:
        nonlocal sent
        sent += rows
        if sent > 2 * ROWS:
            stop.set()

    report = replay(frame, kafka_settings, topics, loop=True, stop=stop, progress=count)

    assert report.sent > 2 * ROWS
    assert report.sent == report.delivered == report.labels_delivered
    keys = [read.key for read in everything_in(topics.transactions)]
    assert len(keys) == len(set(keys)) == report.sent
    assert transaction_id(0, 3) in keys


def test_a_limit_counts_all_passes(
    frame: pd.DataFrame, kafka_settings: KafkaSettings, topics: Topics
) -> None:
    report = replay(frame, kafka_settings, topics, loop=True, limit=ROWS + 5, label_delay=None)

    assert (report.sent, report.delivered, report.labels_sent) == (ROWS + 5, ROWS + 5, 0)


def test_a_missing_topic_is_told_with_the_way_out(
    frame: pd.DataFrame, kafka_settings: KafkaSettings
) -> None:
    with pytest.raises(TopicMissingError, match=r"no topic none\.transactions.*topics create"):
        replay(frame, kafka_settings, Topics("none."))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_the_command_drains_and_reports(
    frame: pd.DataFrame,
    kafka_address: str,
    topics: Topics,
    everything_in: Callable[[str], list[Read]],
    tmp_path: Path,
    number: signal.Signals,
) -> None:
    file = tmp_path / "rows.csv"
    frame.to_csv(file, index=False)
    places = ["--data", file, "--broker", kafka_address, "--topic-prefix", topics.prefix]
    command = subprocess.Popen(
        [sys.executable, "-m", "fraudstream", "replay", *places, "--rate", "100"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        deadline = time.monotonic() + PATIENCE
        while len(everything_in(topics.transactions)) < 20:
            assert command.poll() is None, command.communicate()
            assert time.monotonic() < deadline
        command.send_signal(number)
        shown, remarked = command.communicate(timeout=PATIENCE)
    finally:
        command.kill()
        command.wait()

    assert command.returncode == 0, remarked
    arrived = len(everything_in(topics.transactions))
    assert 20 <= arrived < ROWS
    assert f"{arrived:,} transactions sent, {arrived:,} delivered in" in shown
    assert f"{arrived:,} labels delivered" in shown
    assert remarked == f"Stopped. To continue from here: --start {arrived}\n"
    # The labels whose delay the stopped stream never reached followed at its end.
    assert len(everything_in(topics.labels)) == arrived
