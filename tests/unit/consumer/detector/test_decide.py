"""A dead letter is the record untouched, or an excerpt that says so."""

import numpy as np
import pytest

from consumer.detector.decide import Decider, kept_bytes
from consumer.detector.decode import Decoder
from events.codec import decode_alert, encode, read_dead_letter
from events.messages import FEATURES, DeadLetter
from events.topics import Topics
from tests.support.detector import transaction
from tests.support.records import StoredRecord

HEADERS: list[tuple[str, bytes | None]] = [("trace", b"abc"), ("empty", None), ("more", b"1")]


def stored(record: StoredRecord, *, kept: int = kept_bytes()) -> DeadLetter:
    """Return the dead letter of a record, as it is read from its topic."""
    batch = Decoder(FEATURES).decode([record])
    scores = batch.amounts.astype("float32")
    decider = Decider(0.5, "v", Topics(), kept)
    (output,) = decider.emit(
        [record], batch, scores, decider.flagged(scores), topic_id="id", now=0.0
    )
    size = len(output.value or b"") + sum(len(text or b"") for _, text in output.headers)
    assert size < 1_000_000
    return read_dead_letter(output.key, output.value, output.headers, output.timestamp)


def test_a_rejected_record_is_kept_whole_with_its_headers() -> None:
    letter = stored(StoredRecord(1, 7, b"x" * 899_000, HEADERS, stored_key=b"key"))
    assert (letter.key, letter.value, letter.headers) == (b"key", b"x" * 899_000, tuple(HEADERS))
    assert letter.original_bytes is None


def test_a_record_that_is_too_large_is_marked_as_an_excerpt_and_keeps_its_headers() -> None:
    letter = stored(StoredRecord(1, 7, b"{" + b" " * 950_000, HEADERS, stored_key=b"k" * 2000))
    assert letter.value == b"{" + b" " * (16 * 1024 - 1)
    assert letter.key == b"k" * 1024
    assert letter.headers == tuple(HEADERS)
    assert letter.original_bytes == 950_001 + 2000 + len("traceabcemptymore1")
    assert letter.message.endswith(
        "too large to be kept whole, so this is the beginning of 952,019 bytes"
    )


def test_headers_that_do_not_fit_are_left_out() -> None:
    headers: list[tuple[str, bytes | None]] = [("a", b"x" * 16_000), ("b", b"x" * 900_000)]
    letter = stored(StoredRecord(1, 7, b"{", headers))
    assert [name for name, _ in letter.headers] == ["a"]
    assert letter.original_bytes == 916_003


def test_a_larger_limit_of_the_producer_keeps_larger_records() -> None:
    record = StoredRecord(1, 7, b"{" + b" " * 950_000)
    assert stored(record, kept=kept_bytes("1100000")).original_bytes is None


@pytest.mark.parametrize(("limit", "expected"), [(1_000_000, 900_000), ("2000000", 1_800_000)])
def test_a_tenth_is_left_for_the_headers(limit: str | int, expected: int) -> None:
    assert kept_bytes(limit) == expected


@pytest.mark.parametrize("group", [None, "ours"])
def test_each_output_says_where_it_comes_from(group: str | None) -> None:
    records = [
        StoredRecord(1, 7, b"{"),
        *(StoredRecord(2, number, encode(transaction(number, fraud=True))) for number in (8, 9)),
    ]
    batch = Decoder(FEATURES).decode(records)
    decider = Decider(0.5, "v", Topics(), group=group)
    scores = np.array([0.4, 0.6], np.float32)
    alert, letter = decider.emit(
        records, batch, scores, decider.flagged(scores), topic_id="id", now=0.0
    )
    raised = decode_alert(alert.value)
    assert (raised.transaction_id, raised.partition, raised.offset) == ("row-0000009", 2, 9)
    expected = [] if group is None else [("fraudstream.source", b"ours id")]
    for output in (alert, letter):
        assert [header for header in output.headers if "source" in header[0]] == expected
    rejected = read_dead_letter(letter.key, letter.value, letter.headers)
    assert (rejected.partition, rejected.offset, rejected.headers) == (1, 7, ())


def test_an_excerpt_says_where_it_comes_from() -> None:
    record = StoredRecord(1, 7, b"{")
    batch = Decoder(FEATURES).decode([record])
    decider = Decider(0.5, "v", Topics(), group="ours")
    none = np.zeros(0, np.float32)
    (letter,) = decider.emit([record], batch, none, decider.flagged(none), topic_id="id", now=0.0)
    assert letter.excerpt is not None
    assert letter.excerpt().headers[-1] == ("fraudstream.source", b"ours id")
