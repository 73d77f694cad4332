"""The table of how long partitions stand still."""

from pathlib import Path

import pytest

from tests.chaos.standstill import BEGIN, END, EVENTS, table, write_page

# Two repetitions of each event: the longest wait of each of four partitions, in seconds.
WAITS = [[0.1, 0.2, 1.0, 2.0], [0.1, 0.2, 0.3, 4.0]]
MEASURED = table({"classic": dict.fromkeys(EVENTS, WAITS)})


def test_a_row_has_the_partition_that_waited_longest() -> None:
    assert MEASURED.rows[0] == ("a detector joins", "classic", "3.00 s", "4.00 s", "1.5 of 4")
    assert len(MEASURED.rows) == len(EVENTS)


def test_a_page_keeps_everything_but_its_section(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    write_page(page, MEASURED, "command")
    text = page.read_text()
    assert text.startswith(f"before\n{BEGIN}\n`command`, load ")
    assert text.endswith(f"\n{END}\nafter\n")
    assert "old" not in text
    assert "3.00 s" in text


def test_a_page_without_a_section_is_rejected(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("nothing\n")
    with pytest.raises(ValueError, match="no section"):
        write_page(page, MEASURED, "command")
