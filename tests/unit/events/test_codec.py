"""The codec: valid messages survive the round trip, invalid ones have a reason."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.codec import (
    MAXIMUM_PAYLOAD_BYTES,
    dead_letter_headers,
    decode_alert,
    decode_label,
    decode_transaction,
    encode,
    read_dead_letter,
)
from events.errors import PayloadError, Reason
from events.messages import FEATURES, Alert, DeadLetter, Label, Transaction
from tests.support.strategies import transactions

GOOD = {"transaction_id": "row-0000001"} | dict.fromkeys(FEATURES, 1.5)


def rejection(payload: bytes | None) -> Reason:
    with pytest.raises(PayloadError) as caught:
        decode_transaction(payload)
    return caught.value.reason


def with_field(name: str, text: str) -> bytes:
    """Return a good payload with one value replaced by literal JSON."""
    return json.dumps(GOOD | {name: "@"}).replace('"@"', text).encode()


@given(transactions)
def test_a_transaction_survives_the_round_trip_exactly(transaction: Transaction) -> None:
    assert decode_transaction(encode(transaction)) == transaction


@given(st.binary(max_size=200))
def test_random_bytes_are_rejected_with_a_reason(payload: bytes) -> None:
    assert rejection(payload) in set(Reason)


@given(transactions, st.data())
def test_a_truncated_payload_is_rejected(transaction: Transaction, data: st.DataObject) -> None:
    payload = encode(transaction)
    cut = data.draw(st.integers(0, len(payload) - 1))
    rejection(payload[:cut])


@given(st.sampled_from(("transaction_id", *FEATURES)), st.sampled_from(("first", "last")))
def test_a_repeated_field_is_rejected(name: str, place: str) -> None:
    payload = json.dumps(GOOD)
    again = f'"{name}": {json.dumps(GOOD[name])}'
    text = f"{{{again}, {payload[1:]}" if place == "first" else f"{payload[:-1]}, {again}}}"
    assert rejection(text.encode()) is Reason.DUPLICATE_FIELD


def test_a_repeated_field_is_found_beside_an_unknown_one() -> None:
    payload = json.dumps(GOOD)[:-1] + ', "later": {"x": 1}, "V1": 1.5}'
    assert rejection(payload.encode()) is Reason.DUPLICATE_FIELD


def test_unknown_fields_are_ignored() -> None:
    payload = json.dumps(GOOD | {"merchant": {"name": "a:b", "tags": [1, 2]}}).encode()
    assert decode_transaction(payload).V1 == 1.5


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (None, Reason.EMPTY),
        (b"", Reason.EMPTY),
        (b" " * (MAXIMUM_PAYLOAD_BYTES + 1), Reason.OVERSIZED),
        (b"{", Reason.MALFORMED_JSON),
        (b"[]", Reason.WRONG_TYPE),
        (json.dumps(GOOD).encode("utf-16"), Reason.MALFORMED_JSON),
        (with_field("transaction_id", '"\xff"').replace(b"\xc3\xbf", b"\xff"), Reason.NOT_UTF8),
        (b'{"transaction_id": "x"}', Reason.MISSING_FIELD),
        (with_field("V7", '"1.5"'), Reason.WRONG_TYPE),
        (with_field("V7", "null"), Reason.WRONG_TYPE),
        (with_field("V7", "NaN"), Reason.MALFORMED_JSON),
        (with_field("V7", "Infinity"), Reason.MALFORMED_JSON),
        (with_field("V7", "1e999"), Reason.OUT_OF_RANGE),
        (with_field("V7", "1e7"), Reason.OUT_OF_RANGE),
        (with_field("Amount", "-0.01"), Reason.OUT_OF_RANGE),
        (with_field("Time", "-1"), Reason.OUT_OF_RANGE),
        (with_field("transaction_id", '""'), Reason.OUT_OF_RANGE),
        (with_field("transaction_id", "17"), Reason.WRONG_TYPE),
        (with_field("later", "[" * 3000 + "]" * 3000), Reason.TOO_DEEP),
        (with_field("later", "[" * 100 + "]" * 100), Reason.TOO_DEEP),
    ],
)
def test_each_defect_has_its_reason(payload: bytes | None, reason: Reason) -> None:
    assert rejection(payload) is reason


def test_a_label_and_an_alert_survive_the_round_trip() -> None:
    label = Label(transaction_id="a", event_time_ms=1, Amount=2.5, Class=1)
    alert = Alert(
        transaction_id="a",
        event_time_ms=1,
        detection_time_ms=2,
        score=0.9,
        threshold=0.5,
        model_version="v",
        Amount=2.5,
    )
    assert decode_label(encode(label)) == label
    assert decode_alert(encode(alert)) == alert
    assert math.isclose(decode_alert(encode(alert)).score, 0.9)


@pytest.mark.parametrize("payload", [None, b"", b"{}", b"\xff", b"[" * 9000])
def test_invalid_labels_and_alerts_are_rejected(payload: bytes | None) -> None:
    for decode in (decode_label, decode_alert):
        with pytest.raises(PayloadError):
            decode(payload)


@given(
    st.none() | st.binary(max_size=40),
    st.none() | st.binary(max_size=40),
    st.lists(st.tuples(st.text(max_size=8), st.none() | st.binary(max_size=8)), max_size=4),
)
def test_a_dead_letter_keeps_the_record_unchanged(
    key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes | None]]
) -> None:
    letter = DeadLetter(
        topic="transactions",
        partition=3,
        offset=17,
        stage="decode",
        error="PayloadError",
        message="Expected `float`, got `str` - at `$.V7`",
        reason=Reason.WRONG_TYPE.value,
        key=key,
        value=value,
        headers=tuple(headers),
    )
    assert read_dead_letter(key, value, tuple(dead_letter_headers(letter))) == letter


def test_a_record_without_our_headers_is_not_a_dead_letter() -> None:
    with pytest.raises(PayloadError, match=r"__connect\.errors\.topic"):
        read_dead_letter(b"k", b"v", ())
