"""The verdict finds and names lost, duplicated, skipped, repeated and wrong records."""

import zlib
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.messages import JournalEntry
from tests.chaos.published import Published
from tests.chaos.verify import (
    Comparison,
    Coverage,
    Verdict,
    check_journal,
    compare,
)

IDS = [f"row-{number:07d}" for number in range(10)]
PUBLISHED = Published({0: IDS}, {0: [number == 3 for number in range(10)]})


def entry(first: int, following: int) -> JournalEntry:
    """Return a correct journal entry for this range."""
    numbers = [number for number in range(first, following) if number != 3]
    return JournalEntry(
        topic="transactions",
        partition=0,
        first=first,
        next=following,
        scored=len(numbers),
        refused=following - first - len(numbers),
        digest=sum(zlib.crc32(IDS[number].encode()) for number in numbers),
    )


def test_equal_collections_have_no_difference() -> None:
    assert compare("abc", "cab") == Comparison(3, 3, (), {}, ())


def test_differences_are_named() -> None:
    comparison = compare(["a", "b", "c"], ["a", "a", "a", "c", "x"])
    assert comparison == Comparison(3, 5, ("b",), {"a": 3}, ("x",))
    assert comparison.duplicates == 2


@given(st.sets(st.integers(0, 50)), st.lists(st.integers(0, 50)))
def test_lost_duplicated_and_unexpected_items_explain_the_difference(
    expected: set[int], delivered: list[int]
) -> None:
    result = compare(expected, delivered)
    unexpected = sum(item in result.unexpected for item in delivered)
    assert result.delivered == result.expected - len(result.lost) + result.duplicates + unexpected


@pytest.mark.parametrize("cuts", [(0, 10), (0, 3, 10), (0, 1, 2, 3, 4, 5, 10), (0, 4, 10)])
def test_ranges_that_tile_the_input_are_valid(cuts: tuple[int, ...]) -> None:
    ranges = [entry(*pair) for pair in pairwise(cuts)]
    assert check_journal(PUBLISHED, reversed(ranges)) == Coverage(
        entries=len(ranges), scored=9, rejected=1
    )


@pytest.mark.parametrize(
    ("ranges", "gaps", "overlaps"),
    [
        ([], 10, 0),
        ([(0, 4), (6, 10)], 2, 0),
        ([(2, 10)], 2, 0),
        ([(0, 7)], 3, 0),
        ([(0, 4), (3, 10)], 0, 1),
        ([(0, 10), (2, 4)], 0, 2),
        ([(0, 10), (0, 10)], 0, 10),
        ([(0, 5), (0, 5), (5, 10)], 0, 5),
        ([(0, 8), (1, 2), (9, 10)], 1, 1),
    ],
)
def test_gaps_and_overlaps_are_counted_in_records(
    ranges: list[tuple[int, int]], gaps: int, overlaps: int
) -> None:
    coverage = check_journal(PUBLISHED, [entry(*bounds) for bounds in ranges])
    assert (coverage.gaps, coverage.overlaps, coverage.wrong) == (gaps, overlaps, ())
    assert bool(coverage.gap_ranges) == (gaps > 0)
    assert bool(coverage.overlap_ranges) == (overlaps > 0)


@pytest.mark.parametrize(
    "change",
    [{"digest": 1}, {"scored": 8}, {"refused": 0}, {"scored": 10, "refused": 0}],
)
def test_a_range_with_wrong_counts_or_digest_is_wrong(change: dict[str, int]) -> None:
    good = entry(0, 10)
    fields = {name: getattr(good, name) for name in good.__struct_fields__}
    coverage = check_journal(PUBLISHED, [JournalEntry(**fields | change)])
    assert len(coverage.wrong) == 1
    assert (coverage.gaps, coverage.overlaps) == (0, 0)


def test_a_transaction_scored_instead_of_another_changes_the_digest() -> None:
    good = entry(4, 6)
    digest = 2 * zlib.crc32(IDS[4].encode())
    fields = {name: getattr(good, name) for name in good.__struct_fields__}
    wrong = JournalEntry(**fields | {"digest": digest})
    ranges = [entry(0, 4), wrong, entry(6, 10)]
    assert len(check_journal(PUBLISHED, ranges).wrong) == 1


@pytest.mark.parametrize(("first", "following"), [(5, 5), (6, 5), (-1, 3), (9, 11)])
def test_an_invalid_range_is_wrong(first: int, following: int) -> None:
    invalid = JournalEntry("transactions", 0, first, following, 1, 0, 0)
    assert len(check_journal(PUBLISHED, [entry(0, 10), invalid]).wrong) == 1


def test_an_unknown_partition_is_wrong() -> None:
    invalid = JournalEntry("transactions", 7, 0, 1, 1, 0, 0)
    assert len(check_journal(PUBLISHED, [entry(0, 10), invalid]).wrong) == 1


GOOD = Verdict(
    published=10,
    poison=1,
    input_problems=(),
    repeated=0,
    alerts=Comparison(2, 2, (), {}, ()),
    altered=(),
    dead_letters=Comparison(1, 1, (), {}, ()),
    coverage=Coverage(entries=1, scored=9, rejected=1),
    offsets=((10, 10),),
)


def test_correct_output_has_no_violations() -> None:
    assert GOOD.violations(exactly_once=True) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"input_problems": ("[0] 3 is row-1",)}, "differ from the stream"),
        ({"alerts": Comparison(2, 1, ((0, 1),), {}, ())}, "Alerts lost: 1 ((0, 1))"),
        ({"alerts": Comparison(2, 3, (), {}, ((0, 9),))}, "Unexpected alerts: 1"),
        ({"altered": ("row-0000001 has another event time",)}, "Altered alerts"),
        ({"dead_letters": Comparison(1, 0, ((0, 3),), {}, ())}, "Dead letters lost: 1 ((0, 3))"),
        ({"dead_letters": Comparison(1, 2, (), {}, ((0, 4),))}, "Unexpected dead letters"),
        ({"coverage": check_journal(PUBLISHED, [entry(0, 7)])}, "not scored: 1 ([0] 7 to 10"),
        ({"coverage": Coverage(1, 9, 1, wrong=("x",))}, "Wrong journal entries: 1 (x)"),
        ({"offsets": ((10, 10), (9, 10))}, "before the end: 1 ((9, 10))"),
    ],
)
@pytest.mark.parametrize("exactly_once", [True, False])
def test_each_loss_is_a_violation(change: dict[str, Any], message: str, exactly_once: bool) -> None:
    [violation] = replace(GOOD, **change).violations(exactly_once=exactly_once)
    assert message in violation


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"alerts": Comparison(2, 3, (), {(0, 1): 2}, ())}, "Alerts duplicated: 1"),
        ({"dead_letters": Comparison(1, 2, (), {(0, 3): 2}, ())}, "Dead letters duplicated: 1"),
        (
            {"coverage": check_journal(PUBLISHED, [entry(0, 10), entry(0, 4)])},
            "records scored twice: 1 ([0] 0 to 4",
        ),
    ],
)
def test_each_duplicate_is_a_violation_of_exactly_once_only(
    change: dict[str, Any], message: str
) -> None:
    [violation] = replace(GOOD, **change).violations(exactly_once=True)
    assert message in violation
    assert replace(GOOD, **change).violations(exactly_once=False) == []


def test_a_violation_counts_all_examples_and_shows_a_few() -> None:
    comparison = Comparison(10, 0, tuple((0, offset) for offset in range(10)), {}, ())
    [violation] = replace(GOOD, alerts=comparison).violations(exactly_once=True)
    assert violation.startswith("Alerts lost: 10 ((0, 0), ")
    assert violation.endswith(", ...)")
    assert violation.count("(0, ") == 5
