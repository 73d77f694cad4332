"""The compact encoding carries and rejects the same transactions as JSON."""

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events import compact
from events.codec import MAXIMUM_PAYLOAD_BYTES, Encoding, decode_transaction, encode
from events.errors import PayloadError, Reason
from events.messages import BOUNDS, FEATURES, ID_LENGTHS, Bounds, Transaction
from tests.support.strategies import transactions

GOOD = Transaction("row-0000001", *(1.5 for _ in FEATURES))
HEADERS = Encoding.COMPACT.headers


def rejection(payload: bytes | None) -> Reason:
    with pytest.raises(PayloadError) as caught:
        decode_transaction(payload, HEADERS)
    return caught.value.reason


def with_number(name: str, number: float) -> bytes:
    """Return a good value with one number replaced."""
    numbers = dict.fromkeys(FEATURES, 1.5) | {name: number}
    return struct.pack("<30d", *numbers.values()) + b"row-0000001"


@given(transactions)
def test_both_encodings_decode_to_the_same_transaction(transaction: Transaction) -> None:
    for encoding in Encoding:
        value = encoding.write(transaction)
        assert decode_transaction(value, encoding.headers) == transaction


def test_the_layout_matches_its_documentation() -> None:
    value = b"".join(struct.pack("<d", number) for number in range(30)) + "é".encode()
    transaction = decode_transaction(value, [("content-type", compact.HEADER[1])])
    assert (transaction.transaction_id, transaction.Time, transaction.V1) == ("é", 0.0, 1.0)
    assert (transaction.V28, transaction.Amount) == (28.0, 29.0)
    assert compact.HEADER[1] == b"application/vnd.fraudstream.transaction.v1"


@given(st.binary(max_size=300))
def test_random_bytes_are_a_valid_transaction_or_rejected(payload: bytes) -> None:
    try:
        transaction = decode_transaction(payload, HEADERS)
    except PayloadError:
        return
    assert decode_transaction(encode(transaction)) == transaction


@given(st.sampled_from(FEATURES), st.floats())
def test_numbers_are_checked_against_their_bounds(name: str, number: float) -> None:
    low, high = BOUNDS[name]
    if low <= number <= high:
        assert getattr(decode_transaction(with_number(name, number), HEADERS), name) == number
    else:
        assert rejection(with_number(name, number)) is Reason.OUT_OF_RANGE


def test_the_bounds_are_those_of_the_struct() -> None:
    assert BOUNDS["Time"] == Bounds(0, 1e12)
    assert BOUNDS["V7"] == Bounds(-1e6, 1e6)
    assert BOUNDS["Amount"] == Bounds(0, 1e9)
    assert Bounds(1, 64) == ID_LENGTHS


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (None, Reason.EMPTY),
        (b"", Reason.EMPTY),
        (compact.encode(GOOD)[:239], Reason.MISSING_FIELD),
        (compact.encode(GOOD)[:240], Reason.OUT_OF_RANGE),  # no id
        (compact.encode(GOOD) + b"x" * 54, Reason.OUT_OF_RANGE),
        (compact.encode(GOOD) + b"\xff", Reason.NOT_UTF8),
        (compact.encode(GOOD) + b"x" * MAXIMUM_PAYLOAD_BYTES, Reason.OVERSIZED),
        (with_number("V7", math.nan), Reason.OUT_OF_RANGE),
        (with_number("Amount", math.inf), Reason.OUT_OF_RANGE),
    ],
)
def test_each_defect_has_its_reason(payload: bytes | None, reason: Reason) -> None:
    assert rejection(payload) is reason


@pytest.mark.parametrize(
    "headers", [None, (), [], [("content-type", b"application/json")], [("content-type", None)]]
)
def test_without_its_header_a_value_is_json(
    headers: list[tuple[str, bytes | None]] | None,
) -> None:
    assert decode_transaction(encode(GOOD), headers) == GOOD
    with pytest.raises(PayloadError):
        decode_transaction(compact.encode(GOOD), headers)


def test_the_header_may_be_among_others() -> None:
    headers = (("trace", b"abc"), compact.HEADER, ("trace", None))
    assert decode_transaction(compact.encode(GOOD), headers) == GOOD
