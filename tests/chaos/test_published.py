"""The input is compared with the stream: what it repeats counts, what it lacks is a problem."""

from dataclasses import replace

from tests.chaos.published import InputRecord, compare_with
from tests.chaos.stream import POISON, STRIDE, Stream, features_with_score, id_of

STREAM = Stream(1, dict(features_with_score(1.0)), dict(features_with_score(0.0)), (b"poison",))
FLAGGED = next(number for number in range(1, 1000) if STREAM.is_flagged(number * STRIDE))


def record(number: int, offset: int, *, poisoned: bool = False) -> InputRecord:
    """Return the record of a number of partition 0."""
    value = STREAM.payload(number, poisoned=poisoned)
    headers = [POISON] if poisoned else []
    return InputRecord(0, offset, id_of(number), value, headers, 1000 + offset)


def records(*numbers: int) -> list[InputRecord]:
    return [record(number * STRIDE, offset) for offset, number in enumerate(numbers)]


def test_a_stream_without_defects_has_no_problems() -> None:
    found = compare_with(STREAM, 1, records(*range(FLAGGED + 1)))
    assert (found.problems, found.repeated, found.count) == ([], 0, FLAGGED + 1)
    assert found.flagged[-1] == (0, FLAGGED)
    assert found.times[0, FLAGGED] == 1000 + FLAGGED


def test_a_record_that_kafka_stored_twice_is_expected_twice() -> None:
    found = compare_with(STREAM, 1, records(*range(FLAGGED + 1), FLAGGED, FLAGGED + 1))
    assert (found.problems, found.repeated) == ([], 1)
    assert found.flagged[:2] == [(0, FLAGGED), (0, FLAGGED + 1)]


def test_a_record_that_is_missing_or_different_is_a_problem() -> None:
    assert compare_with(STREAM, 1, records(0, 2)).problems == [
        f"[0] 1 is {id_of(2 * STRIDE)}, not {id_of(STRIDE)}"
    ]
    other = replace(record(0, 0), value=b"other")
    assert compare_with(STREAM, 1, [other]).problems == [
        f"[0] 0 has another payload than {id_of(0)}"
    ]


def test_poison_is_to_be_rejected_and_not_flagged() -> None:
    found = compare_with(STREAM, 1, [record(0, 0, poisoned=True)])
    assert (found.rejected, found.flagged, found.problems) == ([(0, 0)], [], [])
