"""The stopwatch gives each nanosecond to one stage; the first batches are left out."""

import pytest

from benchmarks.stages import table
from benchmarks.stopwatch import Clocks, Profile, Stage, Stopwatch, Took
from benchmarks.watching import Counting


class Clock:
    """Goes on by a microsecond, and the thread's by half of one, each time it is read."""

    def __init__(self) -> None:
        self.moment = 0

    def __call__(self) -> Clocks:
        self.moment += 1
        return 1000 * self.moment, 500 * self.moment


class Worker:
    """Does a stage within a stage."""

    def outer(self) -> None:
        self.inner()
        self.inner()

    def inner(self) -> int:
        return 7


def test_a_stage_within_another_is_not_counted_twice() -> None:
    worker = type("Timed", (Worker,), {})
    stopwatch = Stopwatch(Clock())
    stopwatch.time(worker, "outer", Stage.DECODE)
    stopwatch.time(worker, "inner", Stage.NUMBERS)
    worker().outer()
    profile = stopwatch.profile(2)
    # Readings: outer begins, inner begins and ends twice, outer ends, the profile.
    assert profile.stages[Stage.REST] == Took(1.0, 0.5)
    assert profile.stages[Stage.DECODE] == Took(1.5, 0.75)
    assert profile.stages[Stage.NUMBERS] == Took(1.0, 0.5)
    assert profile.wall == 3.5
    assert profile.own == 1.75


def test_a_timed_function_answers_as_before_and_ends_its_stage_when_it_fails() -> None:
    stopwatch = Stopwatch(Clock())
    owner = type("Owner", (), {"good": Worker.inner, "bad": staticmethod(lambda: 1 / 0)})
    stopwatch.time(owner, "good", Stage.SCORE)
    stopwatch.time(owner, "bad", Stage.SCORE)
    assert owner().good() == 7
    with pytest.raises(ZeroDivisionError):
        owner.bad()
    stopwatch.restart()
    assert stopwatch.profile(1).stages[Stage.SCORE].wall == 0


def test_a_profile_begins_after_the_first_records_and_ends_with_the_last() -> None:
    counting = Counting(Stopwatch(Clock()), records=100)
    for read, stopped in ((0, False), (20, False), (40, False), (99, False), (100, True)):
        counting.read = read
        assert counting.stopped() == stopped
    assert counting.profile is not None
    assert counting.profile.wall == pytest.approx(1 / 60)  # from 40 on


def test_a_table_has_a_line_for_each_stage_and_their_sum() -> None:
    json = Profile(dict.fromkeys(Stage, Took(0.5, 0.25)), 9.0)
    compact = Profile(dict.fromkeys(Stage, Took(0.25, 0.125)), 4.5)
    lines = table({"json": [json], "compact": [compact]}).splitlines()
    assert len(lines) == 2 + len(Stage) + 2
    assert lines[2].startswith("| fetch: ")
    assert [float(cell) for cell in lines[2].split("|")[2:6]] == [0.5, 0.25, 0.25, 0.125]
    assert [float(cell) for cell in lines[-2].split("|")[2:6]] == [5.5, 2.75, 2.75, 1.375]
    assert [cell.strip() for cell in lines[-1].split("|")[2:6]] == ["", "9.000", "", "4.500"]
    assert len(set(map(len, lines))) == 1
