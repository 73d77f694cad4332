"""The replay loop: the order of transactions and labels, stops, failures, progress."""

import itertools
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from events.codec import Encoding, decode_label, decode_transaction
from events.messages import Headers
from events.topics import Topics
from kafkaio.settings import KafkaSettings
from producer.errors import RowsError
from producer.labels import PendingLabels
from producer.pace import Pace, Rate, Speed, Unpaced
from producer.publish import Count
from producer.replay import replay, send_all
from producer.report import ReplayReport
from producer.rows import rows

Send = Callable[..., list[str]]


class Recorder:
    """A producer that keeps the records."""

    def __init__(self) -> None:
        self.transactions = Count()
        self.labels = Count()
        self.failed = 0
        self.records: list[SimpleNamespace] = []
        self.on_send: Callable[[], object] = lambda: None

    def send(
        self,
        count: Count,
        topic: str,
        key: bytes,
        value: bytes,
        timestamp_ms: int,
        headers: Headers = (),
    ) -> None:
        count.sent += 1
        self.records.append(
            SimpleNamespace(topic=topic, key=key, value=value, at=timestamp_ms, headers=headers)
        )
        self.on_send()

    def serve(self) -> None:
        """There are no delivery reports."""


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def send(recorder: Recorder, clock: Any, frame: pd.DataFrame) -> Send:
    """Send the frame through the recorder; returns what arrived, in order, by short names."""

    def run(
        *,
        delay: float | None = 25.0,
        pace: Pace | None = None,
        stop: threading.Event | None = None,
        loop: bool = False,
        limit: int | None = None,
        encoding: Encoding = Encoding.JSON,
        progress: Callable[[int], None] = lambda _rows: None,
    ) -> list[str]:
        send_all(
            itertools.islice(rows(frame, loop=loop), limit),
            recorder,
            Topics(),
            pace=pace or Unpaced(),
            pending=None if delay is None else PendingLabels(delay),
            encoding=encoding,
            stop=stop or threading.Event(),
            progress=progress,
            clock=clock,
        )
        short = {"transactions": "t", "transactions.labels": "l"}
        return [short[record.topic] + record.key.decode()[-1] for record in recorder.records]

    return run


def test_a_label_follows_the_first_row_that_is_late_enough(send: Send) -> None:
    # Rows are 10 s apart: the row at 30 s is the first that is 25 s after the row at 0 s.
    assert send(delay=25) == (
        [
            "t0",
            "t1",
            "t2",
            "t3",
            "l0",
            "t4",
            "l1",
            "t5",
            "l2",
            "t6",
            "l3",
            "t7",
            "l4",
            "t8",
            "l5",
            "t9",
            "l6",
            "l7",
            "l8",
            "l9",
        ]
    )


def test_a_label_is_due_exactly_at_the_delay(send: Send) -> None:
    assert send(delay=20, limit=4) == ["t0", "t1", "t2", "l0", "t3", "l1", "l2", "l3"]


def test_a_label_without_delay_follows_its_transaction(send: Send) -> None:
    assert send(delay=0, limit=3) == ["t0", "l0", "t1", "l1", "t2", "l2"]


def test_remaining_labels_are_sent_at_the_end(send: Send) -> None:
    assert send(delay=1e9, limit=3) == ["t0", "t1", "t2", "l0", "l1", "l2"]


def test_no_labels(send: Send) -> None:
    assert send(delay=None, limit=3) == ["t0", "t1", "t2"]


@pytest.mark.parametrize("pace", [Unpaced(), Rate(3), Speed(600)])
def test_the_order_is_the_same_at_any_pace(send: Send, pace: Pace) -> None:
    assert send(delay=20, limit=4, pace=pace) == ["t0", "t1", "t2", "l0", "t3", "l1", "l2", "l3"]


def test_records_carry_key_event_time_and_label(send: Send, recorder: Recorder) -> None:
    send(pace=Rate(1))

    third, label = (
        next(record for record in recorder.records if record.topic == topic and b"3" in record.key)
        for topic in ("transactions", "transactions.labels")
    )
    assert third.key == label.key == b"row-0000003"
    assert decode_transaction(third.value).transaction_id == "row-0000003"
    # Event time is the wall clock when the row is sent: 3 s after the start.
    assert third.at == pytest.approx(1_700_001_003_000, abs=20)
    decoded = decode_label(label.value)
    assert (decoded.transaction_id, decoded.event_time_ms, decoded.Class) == (
        "row-0000003",
        third.at,
        1,
    )
    # Sent with the row at 60 s, the first that is 25 s after the one at 30 s.
    assert label.at == pytest.approx(1_700_001_006_000, abs=20)
    legitimate = decode_label(recorder.records[-1].value)
    assert legitimate.Class == 0


def test_compact_transactions_have_their_header_and_the_same_fields(
    send: Send, recorder: Recorder
) -> None:
    send(delay=0, limit=2)
    send(delay=0, limit=2, encoding=Encoding.COMPACT)
    json, compact = recorder.records[:4], recorder.records[4:]
    for one, other in zip(json[::2], compact[::2], strict=True):
        assert not one.headers
        assert decode_transaction(other.value, other.headers) == decode_transaction(one.value)
        assert len(other.value) == 240 + len("row-0000000")
    for label in json[1::2] + compact[1::2]:
        assert not label.headers
        assert decode_label(label.value).Class == 0


def test_a_stop_sends_no_more_rows_and_the_labels_of_those_sent(
    send: Send, recorder: Recorder
) -> None:
    stop = threading.Event()

    def stop_after_two() -> None:
        if recorder.transactions.sent == 2:
            stop.set()

    recorder.on_send = stop_after_two

    assert send(delay=1e9, stop=stop) == ["t0", "t1", "l0", "l1"]


def test_a_failed_delivery_stops_sending(send: Send, recorder: Recorder) -> None:
    def fail() -> None:
        recorder.failed = int(recorder.transactions.sent == 3)

    recorder.on_send = fail

    assert send(delay=1e9) == ["t0", "t1", "t2"]


def test_a_loop_ends_at_the_limit(send: Send, recorder: Recorder) -> None:
    send(delay=None, loop=True, limit=23)

    assert len({record.key for record in recorder.records}) == 23
    assert recorder.records[-1].key == b"row-0000002-pass-3"


@pytest.mark.parametrize("pace", [Unpaced(), Rate(1)])
def test_progress_adds_up_to_the_rows_sent(send: Send, pace: Pace) -> None:
    reported: list[int] = []
    send(loop=True, limit=600, pace=pace, progress=reported.append)

    assert sum(reported) == 600
    assert len(reported) > 2


def test_an_empty_frame_is_rejected(frame: pd.DataFrame) -> None:
    with pytest.raises(RowsError, match="no row"):
        replay(frame.iloc[:0], KafkaSettings(), Topics())


def test_the_rate_counts_what_was_delivered() -> None:
    assert ReplayReport(10, 8, 2, 0, 0, seconds=4.0).rate == 2.0
    assert ReplayReport(0, 0, 0, 0, 0, seconds=0.0).rate == 0.0
