"""The watchdog and health, on a clock that is turned by hand."""

from consumer.commit.watchdog import Watchdog
from consumer.telemetry.health import STUCK_SECONDS, Health


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_the_watchdog_ends_only_calls_that_are_overdue() -> None:
    clock, said = Clock(), list[str]()
    watchdog = Watchdog(5.0, end=said.append, clock=clock)
    with watchdog.watching("A commit"):
        clock.now += 4.9
        watchdog.check()
        assert said == []
        clock.now += 0.2
        watchdog.check()
        assert said[0].startswith("A commit has not come back for 5 s")
    said.clear()
    clock.now += 100
    watchdog.check()
    assert said == []


def test_ready_means_warm_and_assigned() -> None:
    health = Health(Clock())
    assert health.ready() == "the model is not warm yet"
    health.warm()
    assert health.ready() == "no partitions are assigned"
    health.assigned(2)
    assert health.ready() is None
    health.assigned(-2)
    assert health.ready() == "no partitions are assigned"


def test_healthy_means_that_the_loop_moves() -> None:
    clock = Clock()
    health = Health(clock)
    clock.now += STUCK_SECONDS
    assert health.healthy() == "the loop has not moved for 120 s"
    health.moved()
    assert health.healthy() is None
