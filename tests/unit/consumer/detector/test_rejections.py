"""Rejected records are counted by partition, and a limit is reported or stops the detector."""

import logging

import pytest

from consumer.detector.dead_letter_limit import DeadLetterLimit, OnTooMany
from consumer.detector.decode import Batch, Decoder
from consumer.detector.rejections import Rejections
from consumer.errors import TooManyDeadLettersError
from events.codec import encode
from events.messages import FEATURES, Transaction
from kafkaio.partitions import PartitionId
from tests.support.records import StoredRecord

A, B = ("transactions", 0), ("transactions", 1)
GOOD = encode(Transaction(transaction_id="good", **dict.fromkeys(FEATURES, 0.0)))


class Stream:
    """Batches of "." for accepted and "x" for rejected records, and the exported number."""

    def __init__(self, action: OnTooMany = OnTooMany.REPORT) -> None:
        limit = DeadLetterLimit(ratio=0.5, in_a_row=5, window=10, action=action)
        self.exported: list[int] = []
        self.rejections = Rejections(limit, self.exported.append)

    def read(self, *runs: tuple[PartitionId, str]) -> None:
        marks = "".join(records for _, records in runs)
        self.rejections.add([(part, len(records)) for part, records in runs], batch(marks))

    @property
    def alarms(self) -> int:
        return self.exported[-1] if self.exported else 0


def batch(marks: str) -> Batch:
    values = [b"{" if mark == "x" else GOOD for mark in marks]
    records = [StoredRecord(0, offset, value) for offset, value in enumerate(values)]
    return Decoder(FEATURES).decode(records)


def test_a_partition_is_reported_once_and_its_good_neighbour_does_not_hide_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stream = Stream()
    with caplog.at_level(logging.ERROR):
        for _ in range(4):
            stream.read((A, "xx"), (B, "........"))
        assert stream.alarms == 1
        for _ in range(20):
            stream.read((B, "........"), (A, "xx"))
    (line,) = caplog.messages
    assert line.startswith("5 of the last 5 records of transactions [0] were rejected (5 of them: ")
    assert line.endswith("They are kept as dead letters, and can be replayed.")


def test_a_burst_in_the_middle_of_a_batch_is_reported() -> None:
    stream = Stream()
    stream.read((A, "..xxxxx..."))
    assert stream.alarms == 1


def test_the_alarm_ends_after_a_window_below_the_limit() -> None:
    stream = Stream()
    stream.read((A, "xxxxx"), (B, "."))
    stream.read((A, "........."))
    assert stream.alarms == 1
    stream.read((A, "."))
    assert stream.alarms == 0


def test_the_alarm_of_a_partition_that_was_taken_away_ends() -> None:
    stream = Stream()
    stream.read((A, "xxxxx"))
    stream.rejections.release([A])
    assert stream.alarms == 0


def test_records_that_are_read_again_count_once() -> None:
    stream = Stream(OnTooMany.STOP)
    stream.read((A, "xx"))
    stream.rejections.commit()
    for _ in range(10):
        stream.read((A, "xx"))
        stream.rejections.rollback()
    stream.read((A, "xx"))
    with pytest.raises(TooManyDeadLettersError, match=r"transactions \[0\].*Nothing of the last"):
        stream.read((A, "x"))
