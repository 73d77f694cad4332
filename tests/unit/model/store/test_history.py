"""The history: appended lines, torn ones, and what a rollback goes back to."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from model.store.history import Action, History, HistoryEntry, Role, previous_champion

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


def entry(
    version: str, previous: str | None = None, action: Action = Action.PROMOTE
) -> HistoryEntry:
    return HistoryEntry(
        time=NOW,
        action=action,
        role=Role.CHAMPION,
        version=version,
        previous=previous,
        by="ada@desk",
    )


def test_entries_come_back_in_order(tmp_path: Path) -> None:
    history = History(tmp_path / "history.jsonl")
    assert history.entries() == []
    written = [entry("a"), entry("b", "a")]
    for one in written:
        history.append(one)
    assert history.entries() == written
    assert (tmp_path / "history.jsonl").read_bytes().count(b"\n") == 2


def test_a_torn_last_line_is_skipped_and_later_entries_are_whole(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "history.jsonl"
    history = History(path)
    history.append(entry("a"))
    history.append(entry("b", "a"))
    whole = path.read_bytes()
    for cut in range(len(whole) // 2 + 1, len(whole) - 1):
        path.write_bytes(whole[:cut])
        assert history.entries() == [entry("a")], cut
        history.append(entry("c", "a"))
        assert history.entries() == [entry("a"), entry("c", "a")], cut
    assert f"Line 2 of {path} is damaged" in caplog.text
    path.write_bytes(whole[:-1])  # only the line break is missing
    history.append(entry("c", "b"))
    assert history.entries() == [entry("a"), entry("b", "a"), entry("c", "b")]


def test_a_rollback_goes_back_to_the_champion_before() -> None:
    history = [entry("a"), entry("b", "a"), entry("c", "b")]
    assert previous_champion(history, "c") == "b"
    assert previous_champion([entry("a")], "a") is None
    assert previous_champion([], "a") is None


def test_a_second_rollback_goes_back_further() -> None:
    history = [entry("a"), entry("b", "a"), entry("c", "b"), entry("b", "c", Action.ROLLBACK)]
    assert previous_champion(history, "b") == "a"
    history.append(entry("a", "b", Action.ROLLBACK))
    assert previous_champion(history, "a") is None


def test_a_version_that_became_champion_twice_has_two_predecessors() -> None:
    history = [entry("a"), entry("b", "a"), entry("a", "b")]
    assert previous_champion(history, "a") == "b"
    history.append(entry("b", "a", Action.ROLLBACK))
    assert previous_champion(history, "b") == "a"


def test_an_entry_whose_process_died_before_it_moved_the_link_is_passed_over() -> None:
    history = [entry("a"), entry("b", "a"), entry("died", "b")]
    assert previous_champion(history, "b") == "a"
    history.append(entry("c", "b"))
    assert previous_champion(history, "c") == "b"


def test_a_link_that_was_moved_by_hand_is_a_step_of_its_own() -> None:
    history = [entry("a"), entry("b", "a")]
    assert previous_champion(history, "by-hand") == "b"
    history.append(entry("c", "by-hand"))
    assert previous_champion(history, "c") == "by-hand"


def test_challengers_are_no_champions() -> None:
    challenge = HistoryEntry(
        time=NOW,
        action=Action.CHALLENGE,
        role=Role.CHALLENGER,
        version="x",
        previous=None,
        by="ada",
    )
    assert previous_champion([entry("a"), challenge, entry("b", "a")], "b") == "a"
