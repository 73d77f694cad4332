"""Formatting and decoding of alerts."""

import logging
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.alerts.follow import read_alert, readable
from consumer.terminal_text import local_time, one_line
from events.codec import encode
from events.messages import Alert

NOON = int(datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp() * 1000)


def alert(**changes: Any) -> Alert:
    fields: dict[str, Any] = {
        "transaction_id": "creditcard-000541",
        "event_time_ms": NOON,
        "detection_time_ms": NOON + 12,
        "score": 0.98765,
        "threshold": 0.5,
        "model_version": "2026-02",
        "Amount": 1234.5,
    }
    return Alert(**fields | changes)


class Record:
    """The part of a Kafka message that decoding uses."""

    def __init__(self, value: bytes | None) -> None:
        self._value = value

    def value(self) -> bytes | None:
        return self._value

    def topic(self) -> str:
        return "fraud.alerts"

    def partition(self) -> int:
        return 1

    def offset(self) -> int:
        return 42


def record(value: bytes | None) -> Any:
    return Record(value)


def test_a_line_has_all_fields() -> None:
    assert readable(alert(), UTC) == (
        "2026-03-01 12:00:00.000  creditcard-000541       1,234.50  score 0.9877 >= 0.5000"
        "       12 ms  model 2026-02"
    )


def test_lines_are_aligned() -> None:
    short = readable(alert(transaction_id="a", Amount=0.0, score=1.0, detection_time_ms=NOON), UTC)
    long = readable(alert(), UTC)
    assert short.index("score") == long.index("score")
    assert short.index("model") == long.index("model")


def test_the_time_is_in_the_given_zone() -> None:
    assert local_time(NOON, timezone(timedelta(hours=-5))) == "2026-03-01 07:00:00.000"


@given(st.integers())
def test_any_time_can_be_shown(milliseconds: int) -> None:
    assert local_time(milliseconds, UTC)


@given(st.text())
def test_no_text_moves_the_cursor_or_begins_a_new_line(text: str) -> None:
    assert one_line(text).isprintable()
    assert len(readable(alert(model_version=text), UTC).splitlines()) == 1


def test_an_alert_is_decoded() -> None:
    assert read_alert(record(encode(alert()))) == alert()


@pytest.mark.parametrize("value", [None, b"", b"rubbish", b"{}", b"\xff", b"[" * 10_000])
def test_a_record_that_is_no_alert_is_logged_in_one_line(
    value: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert read_alert(record(value)) is None
    (logged,) = caplog.messages
    assert logged.startswith("Skipped offset 42 of fraud.alerts [1]")
