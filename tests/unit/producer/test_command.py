"""`fraudstream replay`: options, mistakes, the closing line."""

import threading
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from dataset.errors import ReadError
from fraudstream.commands.replay import command
from producer.pace import Rate, Speed, Unpaced
from producer.replay import LABEL_DELAY
from producer.report import ReplayReport


@pytest.fixture
def file(frame: pd.DataFrame, tmp_path: Path) -> str:
    path = tmp_path / "rows.csv"
    frame.to_csv(path, index=False)
    return str(path)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, arguments)


def test_speed_and_rate_exclude_each_other(file: str) -> None:
    result = run("--data", file, "--speed", "2", "--rate", "3")

    assert result.exit_code == 2
    assert "exclude each other" in result.stderr


def test_a_start_past_the_end_names_the_number_of_rows(file: str) -> None:
    result = run("--data", file, "--start", "10")

    assert result.exit_code == 2
    assert "has 10 rows, counted from 0" in result.stderr


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    result = run("--data", str(tmp_path / "none.csv"))

    assert isinstance(result.exception, ReadError)
    assert result.exception.exit_code == 2
    assert "none.csv" in str(result.exception)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The arguments of each call of `replay`."""
    made: list[dict[str, Any]] = []

    def record(
        frame: pd.DataFrame, settings: object, topics: object, **options: object
    ) -> ReplayReport:
        made.append({"frame": frame, "settings": settings, "topics": topics, **options})
        return ReplayReport(1_234, 1_234, 0, 1_234, 1_234, seconds=2.0)

    monkeypatch.setattr("producer.replay.replay", record)
    monkeypatch.setattr("fraudstream.commands.replay.stop_on_signals", threading.Event)
    return made


def test_start_and_limit_select_rows_of_the_file(file: str, calls: list[dict[str, Any]]) -> None:
    run("--data", file, "--start", "3", "--limit", "4")

    assert list(calls[0]["frame"].index) == [3, 4, 5, 6]
    assert calls[0]["limit"] == 4


def test_options_are_passed_to_the_replay(file: str, calls: list[dict[str, Any]]) -> None:
    run("--data", file, "--speed", "600", "--loop", "--label-delay", "60")
    run("--data", file, "--rate", "5", "--no-labels", "--topic-prefix", "a.", "--broker", "b:1")
    run("--data", file)

    first, second, third = calls
    assert (first["pace"], first["loop"], first["label_delay"]) == (Speed(600), True, 60)
    assert (second["pace"], second["label_delay"]) == (Rate(5), None)
    assert (second["topics"].prefix, second["settings"].broker) == ("a.", "b:1")
    assert (third["pace"], third["loop"], third["label_delay"]) == (Unpaced(), False, 600)


def test_the_closing_line_has_the_counts(file: str, calls: list[dict[str, Any]]) -> None:
    result = run("--data", file)

    assert result.stdout == (
        "1,234 transactions sent, 1,234 delivered in 2.0 s, 617 per second; "
        "1,234 labels delivered.\n"
    )


def test_the_default_delay_is_that_of_the_library() -> None:
    (option,) = (option for option in command.params if option.name == "label_delay")
    assert option.default == LABEL_DELAY
