"""A bad record costs one dead letter, never its batch."""

from collections.abc import Sequence
from itertools import product

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.detector.decide import dead_letter
from consumer.detector.decode import CHUNK_RECORDS, Batch, Decoder
from events.codec import Encoding, decode_transaction, encode
from events.errors import PayloadError, Reason
from events.messages import BOUNDS, FEATURES, DeadLetter, Transaction
from events.native.library import DecodeUsual, nothing_usual, usual_decoder
from tests.support.records import LONG_AGO, StoredRecord
from tests.support.strategies import transactions

# In C, if it is compiled, and one by one.
DECODERS: list[DecodeUsual] = [usual_decoder(), nothing_usual]


def record(
    offset: int, value: bytes | None, headers: Sequence[tuple[str, bytes | None]] = ()
) -> StoredRecord:
    return StoredRecord(
        3, offset, value, list(headers), stored_timestamp=LONG_AGO + offset, stored_key=b"key"
    )


def stored(offset: int, transaction: Transaction, encoding: Encoding) -> StoredRecord:
    return record(offset, encoding.write(transaction), encoding.headers)


def offsets(batch: Batch) -> list[int]:
    """Return the offsets of the rejected records."""
    return [rejection.record.offset() for rejection in batch.rejections]


def only_dead_letter(rejected: StoredRecord) -> DeadLetter:
    (rejection,) = Decoder(FEATURES).decode([rejected]).rejections
    return dead_letter(rejection)


def same(one: Batch, other: Batch) -> bool:
    """Return whether two batches have the same accepted transactions."""
    return (
        one.ids == other.ids
        and np.array_equal(one.features, other.features)
        and np.array_equal(one.amounts, other.amounts)
        and np.array_equal(one.event_times, other.event_times)
    )


def transaction(number: int) -> Transaction:
    numbers = {name: float(place) for place, name in enumerate(FEATURES)}
    return Transaction(transaction_id=f"row-{number}", **numbers)


@given(st.lists(st.booleans(), max_size=30))
def test_each_record_is_a_row_or_a_dead_letter_in_order(goods: list[bool]) -> None:
    records = [
        record(offset, encode(transaction(offset)) if good else b"{")
        for offset, good in enumerate(goods)
    ]
    batch = Decoder(FEATURES).decode(records)
    assert batch.features.shape == (sum(goods), 30)
    assert batch.features.dtype == np.float32
    assert batch.ids == [f"row-{offset}" for offset, good in enumerate(goods) if good]
    assert offsets(batch) == [offset for offset, good in enumerate(goods) if not good]
    assert len(batch.event_times) == sum(goods)


@given(st.lists(st.tuples(transactions, st.sampled_from(Encoding)), max_size=4))
def test_mixed_encodings_decode_to_the_same_batch(
    drawn: list[tuple[Transaction, Encoding]],
) -> None:
    mixed, *others = (
        Decoder(FEATURES, decode_usual).decode(
            [stored(offset, one, encoding or own) for offset, (one, own) in enumerate(drawn)]
        )
        for encoding in (None, *Encoding)
        for decode_usual in DECODERS
    )
    assert mixed.ids == [one.transaction_id for one, _ in drawn]
    assert mixed.amounts.tolist() == [one.Amount for one, _ in drawn]
    assert all(same(mixed, batch) for batch in others)
    assert not any(batch.rejections for batch in (mixed, *others))


@given(st.lists(st.binary(max_size=300) | st.none(), max_size=8), st.integers(0, 8), st.booleans())
def test_a_bad_record_costs_only_itself(
    noise: list[bytes | None], place: int, between: bool
) -> None:
    goods = [stored(offset, transaction(offset), Encoding.COMPACT) for offset in range(4)]
    bad = [
        record(100 + number, payload, Encoding.COMPACT.headers)
        for number, payload in enumerate(noise)
        if payload is None or len(payload) < 240  # longer ones may be transactions by chance
    ]
    batch = Decoder(FEATURES).decode(
        [*goods[:2], *bad, *goods[2:]] if between else [*bad[:place], *goods, *bad[place:]]
    )
    assert batch.ids == [f"row-{offset}" for offset in range(4)]
    assert offsets(batch) == [record.offset() for record in bad]


@given(st.sampled_from(FEATURES), st.floats(), st.sampled_from([1, 64, 0, 65]))
def test_bounds_are_the_same_in_a_batch(name: str, number: float, length: int) -> None:
    odd = msgspec.structs.replace(transaction(1), transaction_id="é" * length, **{name: number})
    goods = [stored(offset, transaction(offset), Encoding.COMPACT) for offset in range(3)]
    batch = Decoder(FEATURES).decode([*goods, stored(3, odd, Encoding.COMPACT)])
    low, high = BOUNDS[name]
    valid = low <= number <= high and 1 <= length <= 64
    assert offsets(batch) == ([] if valid else [3])
    assert batch.ids == ["row-0", "row-1", "row-2", *(["é" * length] if valid else [])]


def test_short_values_that_add_up_to_whole_ones_are_rejected() -> None:
    value = Encoding.COMPACT.write(transaction(1))
    halves = [value[:120], value[120:240], value + b"\n" + value[240:]]
    batch = Decoder(FEATURES).decode(
        [record(offset, half, Encoding.COMPACT.headers) for offset, half in enumerate(halves)]
    )
    assert offsets(batch) == [0, 1]
    assert batch.ids == ["row-1\nrow-1"]


@pytest.mark.parametrize("decode_usual", DECODERS)
@pytest.mark.parametrize("encoding", Encoding)
@pytest.mark.parametrize("bad", [0, CHUNK_RECORDS - 1, CHUNK_RECORDS, 2 * CHUNK_RECORDS])
def test_rows_keep_their_ids_over_many_chunks(
    encoding: Encoding, bad: int, decode_usual: DecodeUsual
) -> None:
    records = [
        stored(offset, msgspec.structs.replace(transaction(offset), V1=float(offset)), encoding)
        for offset in range(2 * CHUNK_RECORDS + 5)
    ]
    records[bad].stored_value = b"?"
    batch = Decoder(FEATURES, decode_usual).decode(records)
    left = [offset for offset in range(len(records)) if offset != bad]
    assert batch.ids == [f"row-{offset}" for offset in left]
    assert batch.features[:, FEATURES.index("V1")].tolist() == left
    assert (1000 * batch.event_times).round().tolist() == [
        1_700_000_000_000 + offset for offset in left
    ]
    assert offsets(batch) == [bad]


def test_features_have_the_order_of_the_model() -> None:
    for encoding, decode_usual in product(Encoding, DECODERS):
        decoder = Decoder(("Amount", "V1", "Time"), decode_usual)
        batch = decoder.decode([stored(0, transaction(1), encoding)])
        assert batch.features.tolist() == [[29.0, 1.0, 0.0]]
        assert batch.amounts.tolist() == [29.0]


def test_event_time_is_the_records_timestamp_in_seconds() -> None:
    batch = Decoder(FEATURES).decode([record(250, encode(transaction(1)))])
    assert batch.event_times.tolist() == [1_700_000_000.25]


def test_a_dead_letter_has_origin_reason_and_the_record() -> None:
    headers = [("trace", b"abc"), ("trace", None)]
    letter = only_dead_letter(record(7, b'{"transaction_id": 1}', headers))
    assert (letter.topic, letter.partition, letter.offset) == ("transactions", 3, 7)
    assert letter.reason is Reason.WRONG_TYPE
    assert letter.value == b'{"transaction_id": 1}'
    assert letter.key == b"key"
    assert letter.headers == (("trace", b"abc"), ("trace", None))
    assert letter.stage == "decode"


def test_a_dead_letter_keeps_the_timestamp_of_its_record() -> None:
    letter = only_dead_letter(record(7, b"{"))
    assert letter.timestamp == 1_700_000_000_007


def test_a_record_near_the_limit_of_kafka_still_fits_as_a_dead_letter() -> None:
    huge = record(0, b"x" * 999_000, [("note", b"y" * 500)])
    letter = only_dead_letter(huge)
    assert letter.value == b"x" * 16_384
    assert letter.headers == (("note", b"y" * 500),)
    assert letter.reason == Reason.OVERSIZED
    assert letter.original_bytes == 999_507  # 3 of the key, 4 of a name


GOOD = encode(transaction(1))


@pytest.mark.parametrize(
    "odd",
    [
        GOOD.replace(b'"V1":', b'"V1":0.5,"V1":'),  # twice
        GOOD.replace(b'"V1":', b'"later":{"V1":1},"V1":'),  # unknown, which is tolerated
        GOOD.replace(b'"V2":2.0,', b""),
        GOOD.replace(b'"V2":2.0,', b'"later":2.0,'),  # as many colons
        GOOD.replace(b"row-1", b"a:b"),
        GOOD.replace(b"row-1", b"\xff"),
        GOOD.replace(b"29.0}", b"29.0}" + b" " * 20_000),
        GOOD.replace(b"29.0}", b"-1}"),
        GOOD * 2,
        GOOD[:-1],
        b"null",
    ],
)
@pytest.mark.parametrize("decode_usual", DECODERS)
def test_a_json_value_decodes_the_same_alone_and_in_a_batch(
    odd: bytes, decode_usual: DecodeUsual
) -> None:
    try:
        alone, errors = [decode_transaction(odd).transaction_id], []
    except PayloadError as error:
        alone, errors = [], [(1, error.reason, str(error))]
    batch = Decoder(FEATURES, decode_usual).decode(
        [record(offset, odd if offset == 1 else GOOD) for offset in range(3)]
    )
    assert batch.ids == ["row-1", *alone, "row-1"]
    assert [
        (rejection.record.offset(), rejection.error.reason, str(rejection.error))
        for rejection in batch.rejections
    ] == errors


def test_chunks_are_whole_and_in_order() -> None:
    records = [record(offset, encode(transaction(1))) for offset in range(2 * CHUNK_RECORDS + 5)]
    records[3].stored_value = records[-1].stored_value = b"?"
    chunks = list(Decoder(FEATURES).chunks(records))
    assert [len(chunk.rejected) for chunk in chunks] == [CHUNK_RECORDS, CHUNK_RECORDS, 5]
    assert [len(chunk.features) for chunk in chunks] == [CHUNK_RECORDS - 1, CHUNK_RECORDS, 4]
    batch = Decoder(FEATURES).decode(records)
    assert np.array_equal(np.concatenate([chunk.features for chunk in chunks]), batch.features)
    assert np.flatnonzero(batch.rejected).tolist() == offsets(batch) == [3, len(records) - 1]


def test_a_chunk_is_decoded_only_when_it_is_asked_for() -> None:
    class Unread(StoredRecord):
        def value(self) -> bytes | None:
            raise AssertionError

    first = [record(offset, encode(transaction(1))) for offset in range(CHUNK_RECORDS)]
    chunks = Decoder(FEATURES).chunks([*first, Unread(3, CHUNK_RECORDS, b"")])
    assert len(next(chunks).features) == CHUNK_RECORDS
