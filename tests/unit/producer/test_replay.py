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
from producer.replay import ReplayReport, replay, send_all
from producer.rows import rows

Send = Callable[..., list[str]]


class Recorder:
    """Takes records as the outlet does, and keeps them."""

    def __init__(self) -> None:
        self.transactions = Count()
        self.labels = Count()
        self.failed = 0
        self.records = []
        self.on_send = lambda: None

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
        """Nothing waits here."""


@pytest.fixture
def outlet() -> Recorder:
    return Recorder()


@pytest.fixture
def send(outlet: Recorder, clock: Any, frame: pd.DataFrame) -> Send:
    """Send the frame through the recorder; returns what arrived, in order, by short names."""

    def run(
        *,
        delay: float | None = 25.0,
        pace: Pace | None = None,
        stop: threading.Event | None = None,
        loop: bool = False,
        limit: int | None = None,
        encoding: Encoding = Encoding.JSON,
        progress: Callable[[int], object] = lambda _rows: None,
    ) -> list[str]:
        send_all(
            itertools.islice(rows(frame, loop=loop), limit),
            outlet,
            Topics(),
            pace=pace or Unpaced(),
            pending=None if delay is None else PendingLabels(delay),
            encoding=encoding,
            stop=stop or threading.Event(),
            progress=progress,
            clock=clock,
        )
        short = {"transactions": "t", "transactions.labels": "l"}
        return [short[record.topic] + record.key.decode()[-1] for record in outlet.records]

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


def test_a_label_is_known_at_the_delay_exactly(send: Send) -> None:
    assert send(delay=20, limit=4) == ["t0", "t1", "t2", "l0", "t3", "l1", "l2", "l3"]


def test_a_label_without_delay_follows_its_transaction(send: Send) -> None:
    assert send(delay=0, limit=3) == ["t0", "l0", "t1", "l1", "t2", "l2"]


def test_labels_left_at_the_end_follow_at_once(send: Send) -> None:
    assert send(delay=1e9, limit=3) == ["t0", "t1", "t2", "l0", "l1", "l2"]


def test_no_labels(send: Send) -> None:
    assert send(delay=None, limit=3) == ["t0", "t1", "t2"]


@pytest.mark.parametrize("pace", [Unpaced(), Rate(3), Speed(600)])
def test_the_order_is_the_same_at_any_pace(send: Send, pace: Pace) -> None:
    assert send(delay=20, limit=4, pace=pace) == ["t0", "t1", "t2", "l0", "t3", "l1", "l2", "l3"]


def test_records_say_what_happened_and_when(send: Send, outlet: Recorder) -> None:
    send(pace=Rate(1))

    third, label = (
        next(record for record in outlet.records if record.topic == topic and b"3" in record.key)
        for topic in ("transactions", "transactions.labels")
    )
    assert third.key == label.key == b"row-0000003"
    assert decode_transaction(third.value).transaction_id == "row-0000003"
    # Event time is the wall clock when the row is sent: 3 s after the start.
    assert third.at == pytest.approx(1_700_001_003_000, abs=20)
    told = decode_label(label.value)
    assert (told.transaction_id, told.event_time_ms, told.Class) == ("row-0000003", third.at, 1)
    # Sent with the row at 60 s, the first that is 25 s after the one at 30 s.
    assert label.at == pytest.approx(1_700_001_006_000, abs=20)
    legitimate = decode_label(outlet.records[-1].value)
    assert legitimate.Class == 0


def test_compact_transactions_say_so_and_say_the_same(send: Send, outlet: Recorder) -> None:
    send(delay=0, limit=2)
    send(delay=0, limit=2, encoding=Encoding.COMPACT)
    json, compact = outlet.records[:4], outlet.records[4:]
    for one, other in zip(json[::2], compact[::2], strict=True):
        assert not one.headers
        assert decode_transaction(other.value, other.headers) == decode_transaction(one.value)
        assert len(other.value) == 240 + len("row-0000000")
    for label in json[1::2] + compact[1::2]:
        assert not label.headers
        assert decode_label(label.value).Class == 0


def test_a_stop_sends_no_more_rows_and_the_labels_of_those_sent(
    send: Send, outlet: Recorder
) -> None:
    stop = threading.Event()
    outlet.on_send = lambda: outlet.transactions.sent == 2 and stop.set()

    assert send(delay=1e9, stop=stop) == ["t0", "t1", "l0", "l1"]


def test_a_failed_delivery_ends_the_sending(send: Send, outlet: Recorder) -> None:
    def fail() -> None:
        outlet.failed = int(outlet.transactions.sent == 3)

    outlet.on_send = fail

    assert send(delay=1e9) == ["t0", "t1", "t2"]


def test_a_loop_goes_on_to_the_limit(send: Send, outlet: Recorder) -> None:
    send(delay=None, loop=True, limit=23)

    assert len({record.key for record in outlet.records}) == 23
    assert outlet.records[-1].key == b"row-0000002-pass-3"


@pytest.mark.parametrize("pace", [Unpaced(), Rate(1)])
def test_progress_adds_up_to_the_rows_sent(send: Send, pace: Pace) -> None:
    told = []
    send(loop=True, limit=600, pace=pace, progress=told.append)

    assert sum(told) == 600
    assert len(told) > 2


def test_an_empty_frame_is_refused(frame: pd.DataFrame) -> None:
    with pytest.raises(RowsError, match="no row"):
        replay(frame.iloc[:0], KafkaSettings(), Topics())


def test_the_rate_counts_what_was_delivered() -> None:
    assert ReplayReport(10, 8, 2, 0, 0, seconds=4.0).rate == 2.0
    assert ReplayReport(0, 0, 0, 0, 0, seconds=0.0).rate == 0.0
