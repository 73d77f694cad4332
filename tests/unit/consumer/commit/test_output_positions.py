"""A group whose offsets have expired continues after the source of its last output."""

from collections.abc import Iterable, Sequence

import pytest
from confluent_kafka import KafkaError, KafkaException

from consumer.commit.output_positions import FAILING_SECONDS, PART_SECONDS, KafkaOutputPositions
from events.codec import dead_letter_headers, encode, source_header
from events.messages import Alert, DeadLetter, Headers
from events.topics import Topics
from kafkaio.errors import ClientFailedError, TopicMissingError
from kafkaio.settings import KafkaSettings
from tests.support.clock import ManualClock
from tests.support.records import StoredRecord

TOPICS = Topics()
OURS = source_header("ours", "id")


def alert(*source: int, headers: Sequence[tuple[str, bytes]] = (OURS,)) -> StoredRecord:
    value = encode(Alert("row", 0, 0, 0.9, 0.5, "v", 1.0, *source))
    return StoredRecord(0, 0, value, [*headers], TOPICS.alerts)


def letter(
    partition: int, offset: int, *headers: tuple[str, bytes], own: Headers = ()
) -> StoredRecord:
    rejected = DeadLetter(
        "transactions", partition, offset, "decode", "E", "m", "empty", None, None, own
    )
    return StoredRecord(0, 0, None, [*dead_letter_headers(rejected), *headers], TOPICS.dead_letters)


class Clock(ManualClock):
    """Moves on by `step` with each look."""

    step = 0.0

    def __call__(self) -> float:
        self.now += self.step
        return self.now


class Outputs:
    """The records of both topics, or an error in their place."""

    def __init__(self, records: Sequence[StoredRecord | Exception] = ()) -> None:
        self.records = list(records)
        self.clock = Clock()
        self.begun = 0
        self.positions = KafkaOutputPositions(
            KafkaSettings("kafka:9092"), TOPICS, "ours", read=self.read, monotonic=self.clock
        )

    def read(self, topic: str) -> Iterable[StoredRecord]:
        self.begun += topic == TOPICS.alerts
        for record in self.records:
            if isinstance(record, Exception):
                if topic == TOPICS.alerts:
                    raise record
            elif record.topic() == topic:
                yield record


def failure(code: int) -> KafkaException:
    return KafkaException(KafkaError(code, "Broken."))


def test_the_furthest_source_of_an_output_counts() -> None:
    records = [alert(0, 7), alert(0, 9), alert(1, 3), letter(1, 5, OURS)]
    positions = Outputs([*records, alert(0, 8)]).positions
    assert positions.next_offsets("id", [0, 1, 2]) == {0: 10, 1: 6, 2: 0}
    assert positions.next_offsets("id", [1]) == {1: 6}
    assert positions.next_offsets("other", [0, 1]) == {0: 0, 1: 0}


@pytest.mark.parametrize(
    "record",
    [
        pytest.param(alert(0, 9, headers=[]), id="no transaction, or an earlier version"),
        pytest.param(alert(), id="no source"),
        pytest.param(alert(0, 9, headers=[source_header("theirs", "id")]), id="another group"),
        pytest.param(alert(0, 9, headers=[source_header("ours", "old")]), id="a deleted topic"),
        pytest.param(StoredRecord(0, 0, b"{", [OURS], TOPICS.alerts), id="no alert"),
        pytest.param(letter(0, 9, source_header("theirs", "id"), own=(OURS,)), id="forged"),
    ],
)
def test_other_records_do_not_count(record: StoredRecord) -> None:
    assert Outputs([record]).positions.next_offsets("id", [0]) == {0: 0}


def test_a_long_topic_is_read_in_parts() -> None:
    outputs = Outputs([alert(0, 1), alert(0, 2)])
    outputs.clock.step = PART_SECONDS
    for records in (1, 2):
        progress = f"{records} records so far"
        with pytest.raises(KafkaException, match=progress):
            outputs.positions.next_offsets("id", [0])
    assert outputs.positions.next_offsets("id", [0]) == {0: 3}
    assert outputs.begun == 1


def test_reading_begins_again_for_other_partitions() -> None:
    outputs = Outputs([alert(0, 1), alert(1, 2)])
    outputs.clock.step = PART_SECONDS
    with pytest.raises(KafkaException):
        outputs.positions.next_offsets("id", [0])
    outputs.clock.step = 0.0
    assert outputs.positions.next_offsets("id", [0, 1]) == {0: 2, 1: 3}


def test_reading_begins_again_after_a_failure() -> None:
    outputs = Outputs([alert(0, 1), failure(KafkaError._TIMED_OUT)])
    with pytest.raises(KafkaException, match="Broken"):
        outputs.positions.next_offsets("id", [0])
    outputs.records[1:] = [letter(0, 5, OURS)]
    assert outputs.positions.next_offsets("id", [0]) == {0: 6}


def test_lasting_failures_end_the_process() -> None:
    outputs = Outputs([failure(KafkaError._TIMED_OUT)])
    for seconds in (0.0, FAILING_SECONDS + 1, FAILING_SECONDS / 2):  # a pause begins again
        outputs.clock.now += seconds
        with pytest.raises(KafkaException):
            outputs.positions.next_offsets("id", [0])
    outputs.clock.now += FAILING_SECONDS / 2 + 1
    with pytest.raises(ClientFailedError, match=r"cannot be read for 60 s: Broken\.$"):
        outputs.positions.next_offsets("id", [0])


def test_a_missing_topic_has_no_outputs() -> None:
    outputs = Outputs([letter(0, 5, OURS), TopicMissingError("gone")])
    assert outputs.positions.next_offsets("id", [0]) == {0: 6}


def test_a_missing_permission_is_reported_and_the_other_topic_read(
    caplog: pytest.LogCaptureFixture,
) -> None:
    outputs = Outputs([letter(0, 5, OURS), failure(KafkaError.TOPIC_AUTHORIZATION_FAILED)])
    assert outputs.positions.next_offsets("id", [0]) == {0: 6}
    assert "the permission Read on topic fraud.alerts" in caplog.text
