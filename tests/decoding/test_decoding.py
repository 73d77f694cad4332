"""The C code decodes usual values as `decode_transaction` does, and leaves the others to it."""

from math import inf, nan, nextafter
from pathlib import Path
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataset.reader import read
from dataset.twin import synthesize
from events.codec import MAXIMUM_PAYLOAD_BYTES, Encoding, encode
from events.messages import BOUNDS, FEATURES, Transaction
from events.native.library import NativeDecoder
from tests.decoding.compare import compare, compare_many
from tests.decoding.values import (
    NAMES,
    TRANSACTION,
    halfway,
    json_value,
    mutated,
    random_numbers,
    shuffled,
    truncated,
)
from tests.support.strategies import transactions

SPACES = " \t\r\n"


def is_usual(decoder: NativeDecoder, value: bytes, encoding: Encoding = Encoding.JSON) -> bool:
    """Return whether a value is usual, among others that are."""
    good = encode(TRANSACTION), Encoding.JSON
    first, usual, last = compare(decoder, [good, (value, encoding), good])
    assert first
    assert last
    return usual


def test_columns_have_the_order_of_the_features(decoder: NativeDecoder) -> None:
    for encoding in Encoding:
        columns = decoder([encoding.write(TRANSACTION)], [encoding is Encoding.COMPACT])
        assert columns.features.tolist() == [[place + 0.5 for place in range(30)]]
        assert columns.amounts.tolist() == [29.5]
        assert columns.ids == ["row-0000001"]
        assert columns.usual.tolist() == [True]


def test_no_values_are_no_rows(decoder: NativeDecoder) -> None:
    columns = decoder([], [])
    assert (columns.ids, columns.features.shape) == ([], (0, 30))


def test_rows_of_the_twin_are_usual(decoder: NativeDecoder) -> None:
    rows = synthesize(500, seed=1)[list(FEATURES)].itertuples(index=False)
    values = [
        (encoding.write(Transaction(f"row-{number:07d}", *row)), encoding)
        for number, row in enumerate(rows)
        for encoding in Encoding
    ]
    assert all(compare(decoder, values))


EXACT = (
    "0 7 0.0 1e5 1E5 1e+5 1.25e-05 120e-1 0e0 0e22 -1 -1.5e2 123456.7 0.000001 1e-22 "
    "0.00009007199254740991 900719.9254740991 0.9007199254740991e-6 0.000000000000000000001 "
    "0.1234567 0.12345678 0.123456789 12345678.12345678e-4 0.9007199254740993 123.456789012345678 "
    "0.00012345678901234567 0.000000001234567890123456789 9.99999999999999999 99e-10 "
    "1e-23 1e-27 0.000001e-21"
)


@pytest.mark.parametrize("text", EXACT.split())
def test_exact_numbers_are_usual(decoder: NativeDecoder, text: str) -> None:
    assert is_usual(decoder, json_value({"V7": text}))
    assert is_usual(decoder, json_value({"V7": text + " ", "V28": text}))


OTHER = (
    "-0 -0.0 -0e5 -0e-25 0e-23 0e23 1e-28 0.0000000001234567890123456789 9007199254740993e0 "
    "00 01 -01 .5 1. 1.e5 1e 1e+ +1 --1 - 1e0005 1e2.0 0x1 1_0 1f 1/2 1:2 1, \x001 \u06f1 "
    "0.12345678901234567890 0.184467440737095516160 11111111111111111111 100000000000000000000 "
    'NaN Infinity -Infinity null true "1" [1] {} 1e400'
)


@pytest.mark.parametrize("text", ["", "1 1", *OTHER.split(" ")])
def test_other_numbers_are_left(decoder: NativeDecoder, text: str) -> None:
    assert not is_usual(decoder, json_value({"V7": text}))


@pytest.mark.parametrize("encoding", Encoding)
@pytest.mark.parametrize("name", ["Time", "V1", "V28", "Amount"])
def test_bounds_belong_to_their_range(
    decoder: NativeDecoder, encoding: Encoding, name: str
) -> None:
    low, high = BOUNDS[name]

    def usual(number: float) -> bool:
        value = encoding.write(msgspec.structs.replace(TRANSACTION, **{name: number}))
        return is_usual(decoder, value, encoding)

    assert usual(low)
    assert usual(high)
    assert not any(map(usual, (nextafter(low, -inf), nextafter(high, inf), nan, inf, -inf)))


@pytest.mark.parametrize("encoding", Encoding)
def test_ids_of_printable_ascii_within_the_lengths_are_usual(
    decoder: NativeDecoder, encoding: Encoding
) -> None:
    def usual(name: str) -> bool:
        transaction = msgspec.structs.replace(TRANSACTION, transaction_id=name)
        return is_usual(decoder, encoding.write(transaction), encoding)

    assert all(map(usual, ("x", "x" * 64, " ~:,{}[]", "a:b")))
    others = ("", "x" * 65, "x" * 20_000, "é", "a\nb", "\x7f", "\x00", 'a"b', "a\\b", "é" * 64)
    assert not any(map(usual, others))


@pytest.mark.parametrize("name", NAMES)
def test_a_repeated_a_missing_or_another_field_is_left(decoder: NativeDecoder, name: str) -> None:
    good = json_value({})
    start = good.index(f'"{name}":'.encode())
    field = good[start : min(good.find(b",", start) % len(good), len(good) - 1)]
    assert field in good
    for other in (
        good[:-1] + b"," + field + b"}",
        good.replace(field + b",", b"").replace(b"," + field, b""),
        good.replace(field, field.replace(name.encode(), name.encode() + b"x")),
        good.replace(field, field.replace(name.encode(), name[:-1].encode())),
        good.replace(
            field, field.replace(name.encode(), b"\\u%04x" % ord(name[0]) + name[1:].encode())
        ),
    ):
        assert other != good
        assert not is_usual(decoder, other)


OTHER_NAMES = (
    "V0",
    "V29",
    "V01",
    "V001",
    "V18446744073709551617",
    "V",
    "v1",
    "V 1",
    "V1 ",
    "time",
    "",
)


@pytest.mark.parametrize("other", OTHER_NAMES)
def test_other_names_are_left(decoder: NativeDecoder, other: str) -> None:
    assert not is_usual(decoder, json_value({other: "1"}))
    for name in ("Time", "V1", "Amount"):
        value = json_value({}).replace(f'"{name}"'.encode(), f'"{other}"'.encode())
        assert not is_usual(decoder, value)


def test_what_surrounds_an_object_is_left_unless_it_is_white_space(decoder: NativeDecoder) -> None:
    good = json_value({})
    assert is_usual(decoder, SPACES.encode() + good + SPACES.encode())
    noise = (b"\x0b", b"\x0c", b"\x00", b"\xa0", b"{", b"}", b",", b"0", b"\xef\xbb\xbf", good)
    for other in noise:
        assert not is_usual(decoder, other + good)
        assert not is_usual(decoder, good + other)


@pytest.mark.parametrize("encoding", Encoding)
def test_values_that_are_too_long_are_left(decoder: NativeDecoder, encoding: Encoding) -> None:
    longest = json_value({}).ljust(MAXIMUM_PAYLOAD_BYTES)
    assert is_usual(decoder, longest)
    assert not is_usual(decoder, longest + b" ")
    assert not is_usual(decoder, longest, Encoding.COMPACT)


def test_a_value_ends_where_the_next_one_begins(decoder: NativeDecoder) -> None:
    usual = compare(decoder, truncated((encode(TRANSACTION), Encoding.JSON)))
    assert usual == [False, True, *[False] * (len(usual) - 4), True, False]
    usual = compare(decoder, truncated((Encoding.COMPACT.write(TRANSACTION), Encoding.COMPACT)))
    beginnings = usual[::2]
    assert beginnings == [False] * 241 + [True] * len("row-0000001")


@given(st.lists(st.tuples(transactions, st.sampled_from(Encoding)), max_size=2))
def test_any_transaction_decodes_as_before(
    decoder: NativeDecoder, drawn: list[tuple[Transaction, Encoding]]
) -> None:
    compare(decoder, [(encoding.write(one), encoding) for one, encoding in drawn])


@given(st.lists(st.tuples(st.binary(max_size=300), st.sampled_from(Encoding)), max_size=5))
def test_any_bytes_decode_as_before(
    decoder: NativeDecoder, drawn: list[tuple[bytes, Encoding]]
) -> None:
    compare(decoder, drawn)


def test_any_order_and_white_space_is_usual(decoder: NativeDecoder) -> None:
    assert compare_many(decoder, shuffled, 500, seed=1) == 500


def test_numbers_that_are_not_rounded_are_usual(decoder: NativeDecoder) -> None:
    random = Random(1)
    numbers = ({name: repr(random.gauss()) for name in FEATURES[1:-1]} for _ in range(500))
    values = [
        (json_value(one | {"Amount": repr(random.uniform(0, 1e9))}), Encoding.JSON)
        for one in numbers
    ]
    assert all(compare(decoder, values))


def test_numbers_halfway_between_doubles_are_rounded_as_before(decoder: NativeDecoder) -> None:
    assert compare_many(decoder, halfway, 500, seed=1) == 500


def test_random_numbers_decode_as_before(decoder: NativeDecoder) -> None:
    assert compare_many(decoder, random_numbers, 10_000, seed=1) > 5_000


def test_mutated_values_decode_as_before(decoder: NativeDecoder) -> None:
    assert 0 < compare_many(decoder, mutated, 5_000, seed=1) < 2_500


@pytest.mark.genuine
def test_genuine_rows_are_usual(decoder: NativeDecoder, genuine_folder: Path) -> None:
    rows = read(genuine_folder / "creditcard_sample.csv.gz")[list(FEATURES)][::20]
    values = [
        (encode(Transaction(f"row-{number:07d}", *row)), Encoding.JSON)
        for number, row in enumerate(rows.itertuples(index=False))
    ]
    assert all(compare(decoder, values))
