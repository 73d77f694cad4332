"""`fraudstream dead-letters` as a command, on a real broker."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition

from events.codec import dead_letter_headers, encode
from events.messages import DeadLetter
from events.topics import Topics
from kafkaio.reading import read_topic
from kafkaio.settings import KafkaSettings
from tests.support.command import Command, until
from tests.support.detector import PATIENCE, producing, transaction

MANY = 20_000

Run = Callable[..., Command]


@pytest.fixture
def run(kafka_settings: KafkaSettings, topics: Topics, tmp_path: Path) -> Iterator[Run]:
    """Start `fraudstream dead-letters ...`; the end of the test ends it."""
    started: list[Command] = []

    def start(*arguments: str) -> Command:
        where = ("--broker", kafka_settings.broker, "--topic-prefix", topics.prefix)
        started.append(Command(tmp_path, "dead-letters", *arguments, *where))
        return started[-1]

    yield start
    for command in started:
        command.kill()


@pytest.fixture
def answer(run: Run) -> Callable[..., tuple[int, str, str]]:
    """Run a command to its end; return its exit code, stdout and stderr."""

    def finish(*arguments: str) -> tuple[int, str, str]:
        command = run(*arguments)
        return command.process.wait(PATIENCE), command.out, command.err

    return finish


def write(settings: KafkaSettings, topics: Topics, *values: bytes) -> None:
    """Write dead letters with the reason "empty" to partition 0."""
    with producing(settings) as producer:
        for number, value in enumerate(values):
            place = (topics.transactions, 1, number)
            letter = DeadLetter(
                *place, "decode", "PayloadError", "no value", "empty", str(number).encode(), value
            )
            producer.poll(0)
            producer.produce(
                topics.dead_letters,
                value,
                key=letter.key,
                headers=list(dead_letter_headers(letter)),
                partition=0,
                timestamp=1_700_000_000_000,
            )


def good(number: int) -> bytes:
    return encode(transaction(number, fraud=False))


def keys(settings: KafkaSettings, topic: str) -> list[int]:
    return sorted(int(message.key() or b"-1") for message in read_topic(settings, topic))


def test_an_empty_topic_is_one_sentence(
    answer: Callable[..., tuple[int, str, str]], topics: Topics
) -> None:
    assert answer("list") == (0, f"There are no dead letters in {topics.dead_letters}.\n", "")
    code, out, _ = answer("list", "--json")
    assert code == 0
    assert json.loads(out) == {
        "topic": topics.dead_letters,
        "count": 0,
        "waiting": 0,
        "reasons": [],
    }
    assert answer("replay") == (0, "Replayed 0 dead letters.\n", "")


def test_list_show_and_replay(
    answer: Callable[..., tuple[int, str, str]], kafka_settings: KafkaSettings, topics: Topics
) -> None:
    write(kafka_settings, topics, good(0), b'{"a":1.0}', b"\xff\n")
    code, out, err = answer("list")
    heading, row, total = out.splitlines()
    assert (code, err) == (0, "")
    assert heading.split()[:3] == ["REASON", "COUNT", "WAITING"]
    assert row.split()[:3] == ["empty", "3", "3"]
    assert row.split()[-2:] == [topics.transactions, "0:0"]
    assert total.split() == ["total", "3", "3"]

    code, out, _ = answer("show", "0:1")
    assert code == 0
    assert f"came from    {topics.transactions} [1], offset 1\n" in out
    assert out.endswith('value        9 bytes, JSON, indented here\n{\n  "a": 1.0\n}\n')
    code, out, _ = answer("show", "0:2", "--json")
    assert json.loads(out)["value_base64"] == "/wo="

    code, out, err = answer("replay", "--dry-run")
    assert (code, out) == (1, "Would replay 1 dead letter.\n")
    code, out, err = answer("replay")
    assert (code, out) == (1, "Replayed 1 dead letter.\n")
    assert err.startswith(
        f"Error: The dead letter at 0:1 of {topics.dead_letters} is still rejected"
    )
    _, hint = err.splitlines()
    assert hint.startswith("Hint: `--on-error")
    code, out, _ = answer("replay", "--on-error", "requeue", "--reason", "empty")
    assert code == 0
    assert "2 rejected again and requeued at the end of" in out
    assert "1 missing_field" in out
    assert "1 malformed_json" in out
    assert keys(kafka_settings, topics.transactions) == [0]
    waiting = {
        one["reason"]: one["waiting"] for one in json.loads(answer("list", "--json")[1])["reasons"]
    }
    assert waiting == {"empty": 0, "missing_field": 1, "malformed_json": 1}


def test_the_value_alone_is_written_as_bytes(kafka_settings: KafkaSettings, topics: Topics) -> None:
    value = bytes(range(256)) + b"\r\n"
    write(kafka_settings, topics, value)
    arguments = ["--broker", kafka_settings.broker, "--topic-prefix", topics.prefix]
    shown = subprocess.run(
        [sys.executable, "-m", "fraudstream", "dead-letters", "show", "0:0", "--value", *arguments],
        capture_output=True,
        check=True,
        timeout=PATIENCE,
    )
    assert shown.stdout == value


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["show", "0:7"], "Error: There is no dead letter at 0:7 of "),
        (["show", "9:0"], "has no partition 9; it has 0, 1."),
        (["show", "first"], "is not of the form PARTITION:OFFSET, for example 0:42"),
        (["replay", "--reason", "ugly"], "'ugly' is not one of 'empty'"),
        (["replay", "--group", ""], "a group needs a name."),
        (["replay", "--kafka", "isolation.level=read_uncommitted"], "cannot be set"),
    ],
)
def test_a_mistake_is_one_sentence(
    kafka_settings: KafkaSettings, topics: Topics, arguments: list[str], said: str
) -> None:
    where = ["--broker", kafka_settings.broker, "--topic-prefix", topics.prefix]
    name, *more = arguments
    finished = subprocess.run(
        [sys.executable, "-m", "fraudstream", "dead-letters", name, *where, *more],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert finished.returncode == 2
    assert said in finished.stderr.partition("\nHint: ")[0].splitlines()[-1]
    assert finished.stdout == ""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_the_next_replay_resumes_however_the_last_one_ended(
    run: Run,
    answer: Callable[..., tuple[int, str, str]],
    kafka_settings: KafkaSettings,
    topics: Topics,
    number: signal.Signals,
) -> None:
    write(kafka_settings, topics, *map(good, range(MANY)))
    replay = run("replay")
    consumer = Consumer(kafka_settings.client(required={"group.id": "observer"}))
    place = TopicPartition(topics.transactions, 0)
    until(lambda: consumer.get_watermark_offsets(place)[1] > 0, "the first replayed record")
    code = replay.end(number)
    consumer.close()
    first = 0
    if number is signal.SIGKILL:
        assert code == -signal.SIGKILL
    else:
        assert code == 130
        assert replay.err == "Interrupted.\n"
        first = int(replay.out.split()[1].replace(",", ""))
        assert 0 < first < MANY
        assert len(keys(kafka_settings, topics.transactions)) == first
    code, out, _ = answer("replay")
    assert code == 0
    second = int(out.split()[1].replace(",", ""))
    assert 0 < second < MANY
    if first:
        assert first + second == MANY
    assert keys(kafka_settings, topics.transactions) == list(range(MANY))
