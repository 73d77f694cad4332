"""The replay on a real broker, as a consumer of its topics sees it."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

from events.codec import decode_label, decode_transaction
from events.messages import FEATURES
from events.topics import Topics
from kafkaio.errors import TopicMissingError
from kafkaio.reading import read_topic
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
    """Read a topic from its beginning to its present end."""

    def read(topic: str) -> list[Read]:
        return [
            Read(
                record.partition() or 0,
                (record.key() or b"").decode(),
                record.value() or b"",
                record.timestamp()[1],
            )
            for record in read_topic(kafka_settings, topic)
        ]

    return read


def test_every_row_arrives_once_with_its_label(
    frame: pd.DataFrame,
    kafka_settings: KafkaSettings,
    topics: Topics,
    everything_in: Callable[[str], list[Read]],
) -> None:
    before = int(time.time() * 1000)
    progress: list[int] = []
    report = replay(frame, kafka_settings, topics, label_delay=600, progress=progress.append)
    after = time.time() * 1000

    assert (report.sent, report.delivered, report.failed) == (ROWS, ROWS, 0)
    assert (report.labels_sent, report.labels_delivered) == (ROWS, ROWS)
    assert sum(progress) == ROWS

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
    # Both partitions have records, each in the order of the rows.
    for partition in (0, 1):
        keys = [read.key for read in transactions if read.partition == partition]
        assert keys
        assert keys == sorted(keys)

    labels = everything_in(topics.labels)
    assert len(labels) == ROWS
    labels_by_key = {read.key: decode_label(read.value) for read in labels}
    assert sorted(labels_by_key) == sorted(sent_at)
    for number, (key, label) in enumerate(sorted(labels_by_key.items())):
        assert label.transaction_id == key
        assert label.event_time_ms == sent_at[key]
        assert label.Class == frame["Class"].iloc[number]


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
        known = min(row + 600, ROWS - 1)  # at the end, the remaining labels follow at once
        assert read.timestamp_ms >= rows[transaction_id(known)]
        if known + 1 < ROWS:
            assert read.timestamp_ms <= rows[transaction_id(known + 1)]


def test_a_full_queue_delays_the_replay_and_loses_nothing(
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


def test_a_loop_continues_until_it_is_stopped(
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


def test_a_missing_topic_is_named(frame: pd.DataFrame, kafka_settings: KafkaSettings) -> None:
    with pytest.raises(TopicMissingError, match=r"no topic none\.transactions"):
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
    options = ["--data", str(file), "--broker", kafka_address, "--topic-prefix", topics.prefix]
    command = subprocess.Popen(
        [sys.executable, "-m", "fraudstream", "replay", *options, "--rate", "100"],
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
        out, err = command.communicate(timeout=PATIENCE)
    finally:
        command.kill()
        command.wait()

    assert command.returncode == 0, err
    arrived = len(everything_in(topics.transactions))
    assert 20 <= arrived < ROWS
    assert f"{arrived:,} transactions sent, {arrived:,} delivered in" in out
    assert f"{arrived:,} labels delivered" in out
    assert err == f"Stopped. To continue from here: --start {arrived}\n"
    # Labels whose delay had not passed when the stream stopped follow at its end.
    assert len(everything_in(topics.labels)) == arrived
