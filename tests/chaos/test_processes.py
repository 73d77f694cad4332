"""Supervised processes are restarted while they are wanted; reports replace their section."""

import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.chaos.faults import Kind
from tests.chaos.processes import ROOT, SupervisedProcess
from tests.chaos.report import as_text, check_page, write_page
from tests.chaos.result import CampaignResult, read_reasons
from tests.chaos.testbed import Plan
from tests.chaos.verify import Comparison, Coverage, Verdict

TIMEOUT_SECONDS = 30.0


@pytest.fixture
def sleeper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SupervisedProcess]:
    """A process that prints a line and sleeps."""
    (tmp_path / "sleeper.py").write_text(
        "import time\nprint('there', flush=True)\ntime.sleep(600)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    process = SupervisedProcess("sleeper", ("sleeper",), tmp_path)
    yield process
    process.kill()


def until(process: SupervisedProcess, condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not condition():
        process.tick()
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_an_unwanted_process_is_not_started(sleeper: SupervisedProcess) -> None:
    sleeper.tick()
    assert sleeper.pid is None
    assert not sleeper.send(signal.SIGKILL)
    assert not sleeper.ready()


def test_a_killed_process_is_restarted_and_counted(sleeper: SupervisedProcess) -> None:
    sleeper.wanted = True
    for starts in (1, 2, 3):
        until(sleeper, lambda starts=starts: sleeper.starts == starts)  # type: ignore[misc]
        assert sleeper.send(signal.SIGKILL)
    sleeper.wanted = False
    until(sleeper, lambda: sleeper.pid is None)
    assert sleeper.exits == Counter({-signal.SIGKILL: 3})


def test_a_stopped_process_is_detected_and_not_restarted(sleeper: SupervisedProcess) -> None:
    sleeper.wanted = True
    until(sleeper, lambda: sleeper.log.exists() and sleeper.log.read_text() == "there\n")
    assert not sleeper.frozen
    sleeper.send(signal.SIGSTOP)
    until(sleeper, lambda: sleeper.frozen)
    before = sleeper.pid
    sleeper.tick()
    assert sleeper.pid == before
    sleeper.send(signal.SIGCONT)
    until(sleeper, lambda: not sleeper.frozen)


PLAN = Plan(faults=3, seed=9)


def campaign_result() -> CampaignResult:
    verdict = Verdict(
        published=1200,
        poison=10,
        input_problems=(),
        repeated=2,
        alerts=Comparison(100, 101, ((0, 7),), {(0, 1): 3}, ()),
        altered=(),
        dead_letters=Comparison(10, 10, (), {}, ()),
        coverage=Coverage(entries=80, scored=1190, rejected=10),
        offsets=((1200, 1200),),
    )
    result = CampaignResult(
        injected=Counter({Kind.KILL: 2, Kind.CUT: 1}),
        recoveries={Kind.KILL: [4.0, 6.5], Kind.CUT: [0.5]},
        baseline=[0.25],
        exits=Counter({-9: 2, 0: 2}),
        logged=Counter({"at commit": 1, "at done": 1, "fenced": 1}),
        seconds=90.0,
        verdict=verdict,
    )
    result.check(exactly_once=True)
    return result


def test_the_report_contains_every_count() -> None:
    text = as_text(PLAN, campaign_result())
    assert "3 faults in 1.5 min, exactly-once, seed 9, 300 transactions a second" in text
    rows = {line[:47].strip(): line[47:].split() for line in text.splitlines()}
    assert [line.split() for line in text.splitlines() if line.startswith("alerts ")] == [
        ["alerts", "100", "101", "1", "2", "0"]
    ]
    assert rows["killed with -9"] == ["2"]
    assert rows["- of these at a step of a commit"] == ["2"]
    assert rows["- of those between its beginning and its end"] == ["1"]
    assert "5.25 s  6.50 s" in text
    assert "VIOLATIONS:\n- Alerts lost: 1 ((0, 7))" in text


@pytest.mark.parametrize(
    ("exits", "logged", "message"),
    [
        ({-11: 1}, {}, "Detectors exited with codes [-11]"),
        ({2: 2}, {"no artifact": 1}, "Detectors exited with code 2 for a reason but the artifact"),
        ({1: 1}, {"traceback": 1}, "Tracebacks of detectors: 1"),
    ],
)
def test_unexpected_exits_and_tracebacks_are_violations(
    exits: dict[int, int], logged: dict[str, int], message: str
) -> None:
    result = CampaignResult(exits=Counter(exits), logged=Counter(logged))
    result.check(exactly_once=True)
    [violation] = result.violations
    assert violation.startswith(message)


def test_expected_exit_codes_are_no_violations() -> None:
    result = CampaignResult(
        exits=Counter({-9: 5, 0: 2, 1: 3, 2: 4}), logged=Counter({"no artifact": 4})
    )
    result.check(exactly_once=True)
    assert result.violations == []


def test_a_report_replaces_its_own_section(tmp_path: Path) -> None:
    page = tmp_path / "chaos.md"
    page.write_text((ROOT / "docs" / "chaos.md").read_text())
    write_page(page, PLAN, campaign_result(), "python -m tests.chaos --seed 9")
    write_page(page, replace(PLAN, delivery="at-least-once"), campaign_result(), "another command")
    write_page(page, PLAN, campaign_result(), "python -m tests.chaos --seed 10")
    text = page.read_text()
    assert text.index("--seed 10") < text.index("## At-least-once") < text.index("another command")
    assert "--seed 9\n" not in text
    assert text.count("| alerts ") == 2
    assert [path.name for path in tmp_path.iterdir()] == ["chaos.md"]


def test_a_page_without_the_section_is_rejected_and_unchanged(tmp_path: Path) -> None:
    page = tmp_path / "chaos.md"
    with pytest.raises(ValueError, match="There is no page"):
        check_page(page, PLAN)
    page.write_text("prose")
    with pytest.raises(ValueError, match="no section"):
        check_page(page, PLAN)
    with pytest.raises(ValueError, match="no section"):
        write_page(page, PLAN, campaign_result(), "command")
    assert page.read_text() == "prose"


def test_exits_are_counted_by_their_last_words(tmp_path: Path) -> None:
    log = tmp_path / "detector.log"
    assert read_reasons(log) == Counter()
    log.write_text(
        "10:00:00.000 INFO    Started.\n"
        "Error: A commit has not returned for 25 s; exiting.\n"
        "Error: A commit has not returned for 30.5 s; exiting.\n"
        "Error: Kafka is away.\n"
    )
    assert read_reasons(log) == {
        "A commit has not returned for N s; exiting.": 2,
        "Kafka is away.": 1,
    }
