"""Dead letters on a real broker: whatever ends a replay, none is lost or replayed twice."""

import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import cast

import pytest
from confluent_kafka import KafkaError, Message

from consumer.commit.sink import CommitStep
from consumer.dead_letters.reader import DeadLetterReader
from consumer.dead_letters.requeue import OnError, Requeue
from consumer.dead_letters.store import FOREIGN, Position, find, summarize
from consumer.errors import (
    CommitError,
    DeadLetterNotFoundError,
    StillRejectedError,
    TooManyDeadLettersError,
)
from events.codec import Encoding, dead_letter_headers, encode
from events.messages import DeadLetter
from events.topics import Topics
from kafkaio.reading import read_topic
from kafkaio.settings import KafkaSettings
from tests.support.command import Transactions
from tests.support.detector import (
    PATIENCE,
    DetectorThread,
    payloads,
    producing,
    publish,
    transaction,
)

BATCH = 10
EPOCH = 1_700_000_000_000


def good(number: int) -> bytes:
    return encode(transaction(number, fraud=False))


def write(
    settings: KafkaSettings,
    topics: Topics,
    values: Iterable[bytes | None],
    *,
    reason: str = "out_of_range",
    encoding: Encoding = Encoding.JSON,
) -> None:
    """Write dead letters, spread over both partitions, the number as the key."""
    with producing(settings) as producer:
        for number, value in enumerate(values):
            letter = DeadLetter(
                topics.transactions,
                0,
                number,
                "decode",
                "PayloadError",
                "why",
                reason,
                str(number).encode(),
                value,
                (("trace", b"a"), ("trace", None), ("trace", b"b"), *encoding.headers),
            )
            producer.produce(
                topics.dead_letters,
                value,
                key=letter.key,
                headers=list(dead_letter_headers(letter)),
                partition=number % 2,
                timestamp=EPOCH + number,
            )


def reading(settings: KafkaSettings, topics: Topics, group: str = "one") -> DeadLetterReader:
    reader = DeadLetterReader(
        settings, topics.dead_letters, group, stopped=lambda: False, batch_maximum=BATCH
    )
    assert reader.connect()
    return reader


def replay(
    settings: KafkaSettings, topics: Topics, on_error: OnError = OnError.STOP, *reasons: str
) -> Requeue:
    """Replay to the end."""
    with reading(settings, topics) as reader:
        replay = Requeue(reader, settings, on_error=on_error, reasons=reasons)
        replay.run()
    return replay


def keys(settings: KafkaSettings, topic: str) -> list[int]:
    return sorted(int(message.key() or b"-1") for message in read_topic(settings, topic))


def headers(record: Message) -> dict[str, bytes]:
    return cast("dict[str, bytes]", dict(record.headers() or []))


def reason(record: Message) -> str:
    return headers(record)["fraudstream.reason"].decode()


def test_a_replayed_record_is_unchanged(kafka_settings: KafkaSettings, topics: Topics) -> None:
    write(kafka_settings, topics, [good(0)])
    assert replay(kafka_settings, topics).done.replayed == 1
    (record,) = read_topic(kafka_settings, topics.transactions)
    assert (record.key(), record.value()) == (b"0", good(0))
    assert record.headers() == [("trace", b"a"), ("trace", None), ("trace", b"b")]
    assert record.timestamp()[1] == EPOCH


def test_a_record_is_decoded_by_the_encoding_in_its_headers(
    kafka_settings: KafkaSettings, topics: Topics
) -> None:
    value = Encoding.COMPACT.write(transaction(0, fraud=False))
    write(kafka_settings, topics, [value, good(1)], encoding=Encoding.COMPACT)
    done = replay(kafka_settings, topics, OnError.DROP).done
    assert (done.replayed, done.dropped) == (1, {"out_of_range": 1})
    (record,) = read_topic(kafka_settings, topics.transactions)
    assert record.value() == value
    assert list(record.headers() or [])[-1:] == list(Encoding.COMPACT.headers)


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_a_second_replay_resumes_where_the_first_ended(
    kafka_settings: KafkaSettings, topics: Topics, protocol: str
) -> None:
    kafka_settings = KafkaSettings(kafka_settings.broker, {"group.protocol": protocol})
    assert replay(kafka_settings, topics).done.replayed == 0
    write(kafka_settings, topics, map(good, range(35)))
    assert replay(kafka_settings, topics).done.replayed == 35
    assert replay(kafka_settings, topics).done.replayed == 0
    write(kafka_settings, topics, map(good, range(5)))
    assert replay(kafka_settings, topics).done.replayed == 5
    assert keys(kafka_settings, topics.transactions) == sorted([*range(35), *range(5)])


# A process that kills itself at one step of its second commit.
KILLED = """
    import os, signal, sys
    from consumer.dead_letters.reader import DeadLetterReader
    from consumer.dead_letters.requeue import Requeue
    from kafkaio.settings import KafkaSettings

    broker, topic, group, fatal, batch = sys.argv[1:]
    passed = []

    def hook(step):
        passed.append(step)
        if step == fatal and passed.count(step) == 2:
            os.kill(os.getpid(), signal.SIGKILL)

    settings = KafkaSettings(broker)
    with DeadLetterReader(
        settings, topic, group, stopped=lambda: False, batch_maximum=int(batch)
    ) as reader:
        assert reader.connect()
        Requeue(reader, settings, hook=hook).run()
"""


@pytest.mark.parametrize("step", list(CommitStep))
def test_kill_9_at_any_step_loses_and_duplicates_nothing(
    kafka_settings: KafkaSettings, topics: Topics, step: CommitStep
) -> None:
    write(kafka_settings, topics, map(good, range(45)))
    arguments = [kafka_settings.broker, topics.dead_letters, "one", step, str(BATCH)]
    killed = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLED), *arguments], check=False, timeout=PATIENCE
    )
    assert killed.returncode == -signal.SIGKILL
    committed = 2 * BATCH if step is CommitStep.DONE else BATCH
    assert replay(kafka_settings, topics).done.replayed == 45 - committed
    assert keys(kafka_settings, topics.transactions) == list(range(45))


def test_a_superseded_replay_is_fenced(kafka_settings: KafkaSettings, topics: Topics) -> None:
    write(kafka_settings, topics, map(good, range(45)))
    others: list[Requeue] = []

    def supersede(step: CommitStep) -> None:
        """Run another replay to its end within the second commit of this one."""
        if step is CommitStep.OFFSETS:
            supersede.commits += 1  # type: ignore[attr-defined]
            if supersede.commits == 2:  # type: ignore[attr-defined]
                others.append(replay(kafka_settings, topics))

    supersede.commits = 0  # type: ignore[attr-defined]
    with reading(kafka_settings, topics) as reader:
        first = Requeue(reader, kafka_settings, hook=supersede)
        with pytest.raises(CommitError, match="Another replay of group one has taken over"):
            first.run()
    assert (first.done.replayed, others[0].done.replayed) == (BATCH, 35)
    assert keys(kafka_settings, topics.transactions) == list(range(45))


def test_a_replay_that_was_superseded_during_an_outage_ends(
    kafka_settings: KafkaSettings, topics: Topics
) -> None:
    write(kafka_settings, topics, map(good, range(45)))
    with reading(kafka_settings, topics) as reader:
        first = Requeue(reader, kafka_settings)
        replay(kafka_settings, topics)
        opened: list[float] = []
        reopen = first._sink.open

        def counted_open() -> None:
            opened.append(time.monotonic())
            reopen()

        first._sink.open = counted_open  # type: ignore[method-assign]
        reader.connectivity.on_error(KafkaError(KafkaError._ALL_BROKERS_DOWN))
        with pytest.raises(CommitError, match="Another replay"):
            first.run()
    assert len(opened) == 1
    assert keys(kafka_settings, topics.transactions) == list(range(45))


def test_a_dead_letter_rejected_again_is_requeued_once_per_replay(
    kafka_settings: KafkaSettings, topics: Topics
) -> None:
    write(kafka_settings, topics, [good(0), b"{", good(2), None, good(4)])
    done = replay(kafka_settings, topics, OnError.REQUEUE).done
    assert (done.replayed, done.requeued) == (3, Counter(malformed_json=1, empty=1))
    assert keys(kafka_settings, topics.transactions) == [0, 2, 4]
    written = list(read_topic(kafka_settings, topics.dead_letters))[-7:]
    assert len(written) == 7
    again = [message for message in written if reason(message) != "out_of_range"]
    assert {message.key(): reason(message) for message in again} == {
        b"1": "malformed_json",
        b"3": "empty",
    }
    # The next replay finds these two only.
    done = replay(kafka_settings, topics, OnError.DROP).done
    assert (done.replayed, done.dropped) == (0, Counter(malformed_json=1, empty=1))
    assert replay(kafka_settings, topics).done.replayed == 0


def test_stop_commits_nothing_from_the_rejected_one_on(
    kafka_settings: KafkaSettings, topics: Topics
) -> None:
    bad = [b"{" if number == 30 else good(number) for number in range(60)]
    write(kafka_settings, topics, bad)
    for _ in range(2):  # the second time, those in the other partition may be replayed
        with pytest.raises(StillRejectedError, match="0:15 "):
            replay(kafka_settings, topics)
    assert 30 not in keys(kafka_settings, topics.transactions)
    done = replay(kafka_settings, topics, OnError.DROP).done
    assert done.dropped == Counter(malformed_json=1)
    everything = [number for number in range(60) if number != 30]
    assert keys(kafka_settings, topics.transactions) == everything


def test_unselected_dead_letters_wait_for_a_later_replay(
    kafka_settings: KafkaSettings, topics: Topics
) -> None:
    write(kafka_settings, topics, map(good, range(5)), reason="oversized")
    write(kafka_settings, topics, map(good, range(5, 12)), reason="too_deep")
    done = replay(kafka_settings, topics, OnError.STOP, "oversized").done
    assert (done.replayed, done.unselected) == (5, 7)
    with reading(kafka_settings, topics) as reader:
        reader.snapshot()
        waiting = {
            summary.reason: (summary.count, summary.waiting) for summary in summarize(reader)
        }
    assert waiting == {"oversized": (5, 0), "too_deep": (14, 7)}
    assert replay(kafka_settings, topics).done.replayed == 7
    found = [message.value() for message in read_topic(kafka_settings, topics.transactions)]
    assert Counter(found) == Counter(map(good, range(12)))


def test_a_dry_run_writes_nothing_and_fences_no_other(
    kafka_settings: KafkaSettings, topics: Topics
) -> None:
    write(kafka_settings, topics, [*map(good, range(25)), b"{"])
    with reading(kafka_settings, topics) as reader:
        running = Requeue(reader, kafka_settings, on_error=OnError.DROP)
        with reading(kafka_settings, topics) as other:
            dry = Requeue(other, kafka_settings, on_error=OnError.DROP, dry_run=True)
            dry.run()
        running.run()
    assert dry.done == running.done
    assert keys(kafka_settings, topics.transactions) == list(range(25))


def test_only_committed_dead_letters_are_listed_and_found(
    kafka_settings: KafkaSettings, topics: Topics
) -> None:
    write(kafka_settings, topics, [b"{", good(1), good(2)])
    transactions = Transactions(kafka_settings)
    transactions.begin(topics.dead_letters, b"aborted")
    transactions.abort()
    transactions.write(topics.dead_letters, b"foreign")
    transactions.begin(topics.dead_letters, b"open")
    with reading(kafka_settings, topics) as reader:
        reader.snapshot()
        counted = {
            summary.reason: (summary.count, summary.example) for summary in summarize(reader)
        }
        assert counted["out_of_range"][0] == 3
        count, position = counted[FOREIGN]
        assert count == 1
        assert find(reader, position).letter.value == b"foreign"
        assert find(reader, Position(0, 0)).letter.value == b"{"
        for nowhere in (Position(0, position.offset - 1), Position(0, 999), Position(7, 0)):
            with pytest.raises(DeadLetterNotFoundError):
                find(reader, nowhere)
    transactions.commit()


def test_a_replay_ends_at_the_end_of_its_snapshot(
    kafka_settings: KafkaSettings, topics: Topics
) -> None:
    write(kafka_settings, topics, map(good, range(25)))
    with reading(kafka_settings, topics) as reader:
        first = Requeue(reader, kafka_settings)
        write(kafka_settings, topics, map(good, range(25, 30)))
        passed: list[int] = []
        first.run(advance=passed.append)
    assert first.done.replayed == 25
    assert sum(passed) == first.size == 25
    assert replay(kafka_settings, topics).done.replayed == 5


@pytest.mark.parametrize(
    "limit", [{"dead_letters_in_a_row": 200}, {"dead_letter_ratio": 0.5}], ids=str
)
def test_too_many_dead_letters_stop_the_detector_and_nothing_after_the_stop_is_committed(
    kafka_settings: KafkaSettings,
    topics: Topics,
    detect: Callable[..., DetectorThread],
    limit: dict[str, float],
) -> None:
    before = payloads([False] * 100)
    publish(kafka_settings, topics, [*before, *([b'{"id": 7}'] * 30_000)])
    off = {"dead_letters_in_a_row": 0, "dead_letter_ratio": 0.0}
    running = detect(batch_maximum=64, on_too_many_dead_letters="stop", **(off | limit))
    with pytest.raises(TooManyDeadLettersError, match=r"missing_field.*right topic"):
        running.join()
    written = {
        tuple(int(headers(record)[f"__connect.errors.{name}"]) for name in ("partition", "offset"))
        for record in read_topic(kafka_settings, topics.dead_letters)
    }
    # Of each of the two partitions; the records in batches are of one, then of the other.
    reached = 200 if "dead_letters_in_a_row" in limit else 10_000
    assert reached - 64 - 100 <= len(written) < 2 * reached
    # Another detector, without a limit, reads only the rest.
    patient = detect(**off)
    patient.wait_for(
        lambda: (
            patient.value("fraud_dead_letters_total", reason="missing_field")
            == 30_000 - len(written)
        )
    )
    patient.stop()
    assert len(list(read_topic(kafka_settings, topics.dead_letters))) == 30_000


def test_too_many_dead_letters_are_reported_and_the_detector_goes_on(
    kafka_settings: KafkaSettings, topics: Topics, detect: Callable[..., DetectorThread]
) -> None:
    publish(kafka_settings, topics, [*([b"{"] * 3_000), *payloads([True] * 10)])
    running = detect(dead_letters_in_a_row=1_000, dead_letter_ratio=0.5)
    consumed = "fraud_messages_consumed_total"
    running.wait_for(lambda: running.value(consumed, topic=topics.transactions) == 3_010)
    running.stop()
    assert running.value("fraud_alerts_total") == 10
    assert running.value("fraud_rejected_partitions") == 0  # none is assigned any more
    assert len(list(read_topic(kafka_settings, topics.dead_letters))) == 3_000
