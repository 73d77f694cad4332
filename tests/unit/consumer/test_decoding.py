"""A bad record costs one dead letter, never its batch."""

from dataclasses import dataclass, field

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from consumer.decoding import Decoder
from events.codec import encode
from events.errors import Reason
from events.messages import FEATURES, Transaction


@dataclass
class Stored:
    """A record as a consumer receives it."""

    stored_offset: int
    stored_value: bytes | None
    stored_headers: list[tuple[str, bytes | None]] = field(default_factory=list)

    def topic(self) -> str:
        return "transactions"

    def partition(self) -> int:
        return 3

    def offset(self) -> int:
        return self.stored_offset

    def timestamp(self) -> tuple[int, int]:
        return (1, 1_700_000_000_000 + self.stored_offset)

    def key(self) -> bytes | None:
        return b"key"

    def value(self) -> bytes | None:
        return self.stored_value

    def headers(self) -> list[tuple[str, bytes | None]] | None:
        return self.stored_headers or None


def transaction(number: int) -> Transaction:
    numbers = {name: float(place) for place, name in enumerate(FEATURES)}
    return Transaction(transaction_id=f"row-{number}", **numbers)


@given(st.lists(st.booleans(), max_size=30))
def test_each_record_is_a_row_or_a_dead_letter_in_order(goods: list[bool]) -> None:
    records = [
        Stored(offset, encode(transaction(offset)) if good else b"{")
        for offset, good in enumerate(goods)
    ]
    batch = Decoder(FEATURES).decode(records)
    assert batch.features.shape == (sum(goods), 30)
    assert batch.features.dtype == np.float32
    assert batch.ids == [f"row-{offset}" for offset, good in enumerate(goods) if good]
    assert [letter.offset for letter in batch.dead_letters] == [
        offset for offset, good in enumerate(goods) if not good
    ]
    assert len(batch.event_times) == sum(goods)


def test_features_stand_in_the_order_asked_for() -> None:
    batch = Decoder(("Amount", "V1", "Time")).decode([Stored(0, encode(transaction(1)))])
    assert batch.features.tolist() == [[29.0, 1.0, 0.0]]


def test_event_time_is_the_records_timestamp_in_seconds() -> None:
    batch = Decoder(FEATURES).decode([Stored(250, encode(transaction(1)))])
    assert batch.event_times.tolist() == [1_700_000_000.25]


def test_a_dead_letter_says_where_and_why_and_keeps_the_record() -> None:
    record = Stored(7, b'{"transaction_id": 1}', [("trace", b"abc"), ("trace", None)])
    (letter,) = Decoder(FEATURES).decode([record]).dead_letters
    assert (letter.topic, letter.partition, letter.offset) == ("transactions", 3, 7)
    assert letter.reason == Reason.WRONG_TYPE.value
    assert letter.value == b'{"transaction_id": 1}'
    assert letter.key == b"key"
    assert letter.headers == (("trace", b"abc"), ("trace", None))
    assert letter.stage == "decode"


def test_a_dead_letter_keeps_the_moment_of_its_record() -> None:
    (letter,) = Decoder(FEATURES).decode([Stored(7, b"{")]).dead_letters
    assert letter.timestamp == 1_700_000_000_007


def test_a_record_near_the_limit_of_kafka_still_fits_as_a_dead_letter() -> None:
    huge = Stored(0, b"x" * 999_000, [("note", b"y" * 500)])
    (letter,) = Decoder(FEATURES).decode([huge]).dead_letters
    assert letter.value == b"x" * 16_384
    assert letter.headers == ()
    assert letter.reason == Reason.OVERSIZED
    assert "this is the beginning of 999507 bytes" in letter.message  # 3 of the key, 4 of a name
