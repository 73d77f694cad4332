"""The topic reader, and `fraudstream alerts`, on a real broker."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from confluent_kafka import Message, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions

import kafkaio.topic_reader
from events.codec import encode
from events.messages import Alert
from events.topics import Topics
from kafkaio.errors import SettingsError, TopicMissingError
from kafkaio.gaps import Gap, GapReason
from kafkaio.settings import KafkaSettings
from kafkaio.topic_reader import TopicReader
from kafkaio.topics import create_topics, delete_topics
from tests.support.command import Command, Transactions, until
from tests.support.detector import PATIENCE


def alert(name: str) -> bytes:
    return encode(Alert(name, 1_700_000_000_000, 1_700_000_000_012, 0.9, 0.5, "v1", 12.5, 0, 7))


@pytest.fixture
def transactions(kafka_settings: KafkaSettings) -> Transactions:
    return Transactions(kafka_settings)


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Callable[..., Command]]:
    started: list[Command] = []

    def start(*arguments: str) -> Command:
        started.append(Command(tmp_path, *arguments))
        return started[-1]

    yield start
    for running in started:
        running.kill()


def read_rest(reader: TopicReader, topic: str) -> list[Message]:
    """Read on up to the topic's present end."""
    assert reader.snapshot_ends()
    records: list[Message] = []

    def has_caught_up() -> bool:
        records.extend(reader.read())
        return reader.has_caught_up([topic])

    until(has_caught_up, f"the end of {topic}")
    return records


def values(messages: list[Message]) -> list[bytes | None]:
    return [message.value() for message in messages]


def never() -> bool:
    return False


def test_only_committed_records_are_read_and_only_once(
    kafka_settings: KafkaSettings, topics: Topics, transactions: Transactions
) -> None:
    transactions.begin(topics.alerts, b"aborted")
    transactions.abort()
    transactions.write(topics.alerts, b"committed")
    transactions.begin(topics.alerts, b"open")
    with TopicReader(kafka_settings, {topics.alerts: True}) as reader:
        assert reader.connect(stopped=never)
        assert values(read_rest(reader, topics.alerts)) == [b"committed"]
        transactions.commit()
        assert values(read_rest(reader, topics.alerts)) == [b"open"]
        assert values(read_rest(reader, topics.alerts)) == []


def test_from_now_begins_with_the_first_record_after_connect(
    kafka_settings: KafkaSettings, topics: Topics, transactions: Transactions
) -> None:
    transactions.write(topics.alerts, b"old", partition=0)
    transactions.write(topics.alerts, b"old", partition=1)
    with TopicReader(kafka_settings, {topics.alerts: False}) as reader:
        assert reader.connect(stopped=never)
        transactions.write(topics.alerts, b"new", partition=0)
        transactions.write(topics.alerts, b"new too", partition=1)
        assert sorted(map(str, values(read_rest(reader, topics.alerts)))) == sorted(
            map(str, [b"new", b"new too"])
        )


def test_a_paused_topic_stays_in_kafka(
    kafka_settings: KafkaSettings, topics: Topics, transactions: Transactions
) -> None:
    transactions.write(topics.alerts, b"alert")
    transactions.write(topics.labels, b"label")
    with TopicReader(kafka_settings, {topics.alerts: True, topics.labels: True}) as reader:
        assert reader.connect(stopped=never)
        reader.pause(topics.labels)
        assert values(read_rest(reader, topics.alerts)) == [b"alert"]
        assert not reader.has_caught_up([topics.labels])
        reader.resume(topics.labels)
        assert values(read_rest(reader, topics.labels)) == [b"label"]


def test_a_reader_leaves_no_group_behind(kafka_settings: KafkaSettings, topics: Topics) -> None:
    admin = AdminClient(kafka_settings.client())
    before = {group.group_id for group in admin.list_consumer_groups().result().valid}
    with TopicReader(kafka_settings, {topics.alerts: True}) as reader:
        assert reader.connect(stopped=never)
        read_rest(reader, topics.alerts)
        groups = {group.group_id for group in admin.list_consumer_groups().result().valid}
    assert groups <= before


def test_added_partitions_are_read_from_their_beginning(
    kafka_settings: KafkaSettings, topics: Topics, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafkaio.topic_reader, "_DISCOVERY_SECONDS", 0.1)
    admin = AdminClient(kafka_settings.client())
    with TopicReader(kafka_settings, {topics.alerts: False}) as reader:
        assert reader.connect(stopped=never)
        for added in admin.create_partitions([NewPartitions(topics.alerts, 3)]).values():
            added.result()
        # A client that started earlier would still see two partitions.
        Transactions(kafka_settings).write(topics.alerts, b"third", partition=2)
        found: list[Message] = []

        def is_found() -> bool:
            found.extend(reader.read())
            return bool(found)

        until(is_found, "the new partition")
        assert values(found) == [b"third"]


@pytest.mark.parametrize("pause", [0.0, 2.0])
def test_a_recreated_topic_is_read_from_its_first_record(
    kafka_settings: KafkaSettings, topics: Topics, transactions: Transactions, pause: float
) -> None:
    transactions.write(topics.alerts, b"old", b"older", partition=0)
    gaps: list[Gap] = []
    with TopicReader(kafka_settings, {topics.alerts: False}, on_gap=gaps.append) as reader:
        assert reader.connect(stopped=never)
        read_rest(reader, topics.alerts)
        delete_topics(kafka_settings, [topics.alerts])
        time.sleep(pause)
        create_topics(kafka_settings, [topics.alerts], partitions=2, retention=None)
        new = [b"first", b"second", b"third"]
        Transactions(kafka_settings).write(topics.alerts, *new, partition=0)
        found: list[Message] = []

        def is_found() -> bool:
            found.extend(reader.read())
            return len(found) >= len(new)

        until(is_found, "the new topic's records")
        assert values(found) == new
    assert {(gap.reason, gap.partition, gap.resume) for gap in gaps} == {
        (GapReason.TOPIC_RECREATED, 0, 0),
        (GapReason.TOPIC_RECREATED, 1, 0),
    }


def test_records_that_retention_deleted_are_reported(
    kafka_settings: KafkaSettings, topics: Topics, transactions: Transactions
) -> None:
    gaps: list[Gap] = []
    with TopicReader(kafka_settings, {topics.alerts: True}, on_gap=gaps.append) as reader:
        assert reader.connect(stopped=never)
        read_rest(reader, topics.alerts)
        reader.pause(topics.alerts)
        transactions.write(
            topics.alerts, *(str(number).encode() for number in range(5)), partition=0
        )
        admin = AdminClient(kafka_settings.client())
        for answer in admin.delete_records([TopicPartition(topics.alerts, 0, 3)]).values():
            answer.result(PATIENCE)
        reader.resume(topics.alerts)
        assert values(read_rest(reader, topics.alerts)) == [b"3", b"4"]
    assert gaps == [Gap(topics.alerts, 0, GapReason.DELETED, 0, 3, 3)]


def test_the_error_names_the_missing_topic_only(
    kafka_settings: KafkaSettings, topics: Topics
) -> None:
    wanted = {topics.alerts: True, "no-such-topic": True}
    with (
        TopicReader(kafka_settings, wanted) as reader,
        pytest.raises(TopicMissingError, match=r"has no topic no-such-topic\.$") as caught,
    ):
        reader.connect(stopped=never)
    assert topics.alerts not in str(caught.value)
    known = AdminClient(kafka_settings.client()).list_topics(timeout=PATIENCE).topics
    assert "no-such-topic" not in known  # the check must not create it


def test_a_required_property_cannot_be_overridden(kafka_address: str) -> None:
    settings = KafkaSettings(kafka_address, {"isolation.level": "read_uncommitted"})
    with pytest.raises(Exception, match=r"isolation\.level cannot be set"):
        TopicReader(settings, {"any": True})


def test_an_unknown_property_is_one_sentence(kafka_address: str) -> None:
    with pytest.raises(SettingsError, match='No such configuration property: "nonsense"'):
        TopicReader(KafkaSettings(kafka_address, {"nonsense": "1"}), {"any": True})


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_new_alerts_appear_as_lines_until_a_signal(
    kafka_settings: KafkaSettings,
    topics: Topics,
    transactions: Transactions,
    command: Callable[..., Command],
    number: signal.Signals,
) -> None:
    transactions.write(topics.alerts, alert("before"))
    alerts = command("alerts", "--broker", kafka_settings.broker, "--topic-prefix", topics.prefix)
    alerts.says("new alerts only")
    transactions.begin(topics.alerts, alert("aborted"))
    transactions.abort()
    transactions.write(topics.alerts, alert("first"), b"rubbish", None)
    transactions.write(topics.alerts, alert("second"))
    first, second = alerts.shows(2)
    assert "first" in first
    assert "score 0.9000 >= 0.5000" in first
    assert "second" in second
    assert alerts.end(number) == 0
    assert alerts.out.count("\n") == 2
    assert alerts.err.count("which is no alert") == 2
    assert alerts.err.endswith("2 alerts shown.\n")


def test_json_is_the_value_in_kafka(
    kafka_settings: KafkaSettings,
    topics: Topics,
    transactions: Transactions,
    command: Callable[..., Command],
) -> None:
    transactions.write(topics.alerts, *(alert(f"tx-{number}") for number in range(5)))
    alerts = command(
        "alerts", "--json", "--from-beginning", "--limit", "3",
        "--broker", kafka_settings.broker, "--topic-prefix", topics.prefix,
    )  # fmt: skip
    assert alerts.process.wait(PATIENCE) == 0
    lines = alerts.out.splitlines()
    assert [line.encode() for line in lines] == [alert(f"tx-{number}") for number in range(3)]
    assert set(msgspec.json.decode(lines[0])) == set(Alert.__struct_fields__)
    assert alerts.err.endswith("3 alerts shown.\n")


def test_the_command_ends_quietly_when_its_pipe_is_closed(
    kafka_settings: KafkaSettings, topics: Topics, transactions: Transactions
) -> None:
    transactions.write(topics.alerts, alert("only"))
    arguments = ["alerts", "--from-beginning", "--topic-prefix", topics.prefix]
    with subprocess.Popen(
        [sys.executable, "-m", "fraudstream", *arguments, "--broker", kafka_settings.broker],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            assert b"only" in process.stdout.readline()
            process.stdout.close()
            # No alert follows: the command has to notice without writing.
            said = process.communicate(timeout=PATIENCE)[1]
        finally:
            process.kill()
    assert b"Traceback" not in said
    assert b"Exception ignored" not in said


@pytest.mark.parametrize("name", ["alerts", "quality"])
def test_a_missing_topic_is_one_sentence(
    kafka_settings: KafkaSettings, command: Callable[..., Command], name: str
) -> None:
    arguments = ["--metrics", "127.0.0.1:0"] if name == "quality" else []
    missing = command(
        name, "--topic-prefix", "nowhere.", "--broker", kafka_settings.broker, *arguments
    )
    assert missing.process.wait(PATIENCE) == 2
    assert missing.out == ""
    error, hint = missing.err.splitlines()[-2:]
    assert error.startswith("Error: Kafka at ")
    assert "no topic nowhere.fraud.alerts" in error
    assert hint.startswith("Hint: `fraudstream topics create`")
