"""Tables on stdout: aligned, plain without a terminal, and cells printed literally."""

from datetime import UTC

import pytest

from consumer.dead_letters.store import Position, ReasonSummary
from fraudstream.dead_letter_table import print_summaries
from fraudstream.tables import print_table

SUMMARIES = [
    ReasonSummary(
        "malformed_json", "transactions", Position(0, 42), 12_345, 2, 1_700_000_000_000, 10**14
    ),
    ReasonSummary("empty", "transactions", Position(1, 7), 1, 1, None, None),
]


def test_columns_are_aligned(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(
        [("a", "1", "x"), ("long name", "1,000", "")], headers=("name", "count", "end"), align="lrl"
    )
    assert capsys.readouterr().out.splitlines() == [
        "name       count  end",
        "a              1  x",
        "long name  1,000",
    ]


def test_a_table_without_headers_has_only_rows(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([("rows", "10"), ("days", "2")])
    assert capsys.readouterr().out == "rows  10\ndays  2\n"


def test_an_empty_table_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([])
    assert capsys.readouterr().out.strip() == ""


def test_cells_are_neither_wrapped_nor_interpreted(capsys: pytest.CaptureFixture[str]) -> None:
    cell = "[bold]:smile: " + "word " * 100 + "end"
    print_table([(cell, "1")])
    assert capsys.readouterr().out == f"{cell}  1\n"


def test_the_summary_of_dead_letters_is_aligned_and_has_a_total(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_summaries(SUMMARIES, UTC)
    assert capsys.readouterr().out.splitlines() == [
        (
            "REASON           COUNT  WAITING  FIRST                    LAST                     "
            "FROM          EXAMPLE"
        ),
        (
            "malformed_json  12,345        2  2023-11-14 22:13:20.000  5138-11-16 09:46:40.000  "
            "transactions  0:42"
        ),
        (
            "empty                1        1  unknown                  unknown                  "
            "transactions  1:7"
        ),
        "total           12,346        3",
    ]
