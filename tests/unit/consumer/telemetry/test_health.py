"""Ready means making progress, or nothing to do; healthy means that a restart would not help."""

import pytest

from consumer.telemetry.health import STALLED_SECONDS, STUCK_SECONDS, Health
from consumer.telemetry.lag import PartitionState
from tests.support.clock import ManualClock

A, B = ("t", 0), ("t", 1)


class Observed:
    """A warm detector with partitions A and B, and a second between two observations."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.health = Health(self.clock)
        self.health.model_warm()
        self.health.assigned([A, B])

    def see(
        self,
        a: int,
        end: int,
        *,
        b: int = 0,
        b_end: int = 0,
        readable: int | None = None,
        queued: int = 0,
        seconds: float = 1.0,
    ) -> None:
        """Observe A at a position and B, after so many seconds of a loop that turns."""
        self.clock.now += seconds
        self.health.heartbeat()
        first = PartitionState(a, end if readable is None else readable, end, queued)
        self.health.observe({A: first, B: PartitionState(b, b_end, b_end, queued)})


@pytest.fixture
def observed() -> Observed:
    return Observed()


def test_a_warm_model_and_assigned_partitions_are_ready() -> None:
    health = Health(ManualClock())
    assert health.ready() == "the model is not warm yet"
    health.model_warm()
    assert health.ready() == "no partitions are assigned"
    health.assigned([A, B])
    assert health.ready() is None
    health.released([A])
    assert health.ready() is None
    health.released([B])
    assert health.ready() == "no partitions are assigned"


def test_a_loop_that_does_not_move_is_unhealthy() -> None:
    clock = ManualClock()
    health = Health(clock)
    clock.now += STUCK_SECONDS
    assert health.healthy() == "the loop has not moved for 120 s"
    health.heartbeat()
    assert health.healthy() is None


def test_nothing_to_do_is_ready_for_ever(observed: Observed) -> None:
    for _ in range(1000):
        observed.see(5, 5)
    assert observed.health.ready() is None
    assert observed.health.healthy() is None


def test_a_partition_that_grows_and_is_not_read_is_unready_then_unhealthy(
    observed: Observed,
) -> None:
    observed.see(5, 5)
    for second in range(int(STUCK_SECONDS)):
        assert observed.health.healthy() is None
        assert (observed.health.ready() is None) == (second < STALLED_SECONDS)
        observed.see(5, 6 + second)
    assert observed.health.healthy() is not None
    assert observed.health.ready() == observed.health.healthy()
    observed.see(6, 200)
    assert observed.health.ready() is None
    assert observed.health.healthy() is None


def test_a_steady_backlog_is_ready(observed: Observed) -> None:
    for second in range(300):
        observed.see(second, 1000)
    assert observed.health.ready() is None


def test_an_open_transaction_is_unready_and_no_reason_for_a_restart(observed: Observed) -> None:
    for _ in range(300):
        observed.see(5, 36, readable=5)
    assert observed.health.ready() == (
        "31 offsets of t [0] have waited behind an open transaction for 299 s"
    )
    assert observed.health.healthy() is None


def test_a_partition_whose_records_wait_behind_those_of_another_one_is_ready(
    observed: Observed,
) -> None:
    for second in range(300):
        observed.see(5, 100, b=second, b_end=10_000, queued=50_000)
    assert observed.health.ready() is None


def test_a_partition_that_is_not_fetched_while_another_one_is_read_is_unready(
    observed: Observed,
) -> None:
    for second in range(300):
        observed.see(5, 100, b=second, b_end=10_000)
    assert "t [0] has stood still at offset 5" in str(observed.health.ready())
    assert observed.health.healthy() is not None


def test_reading_the_same_records_again_and_again_is_no_progress(observed: Observed) -> None:
    for second in range(300):
        observed.see(5 + second % 2, 100)
    assert observed.health.healthy() is not None


def test_an_outage_is_not_held_against_a_partition(observed: Observed) -> None:
    observed.see(5, 6)
    observed.see(5, 6, seconds=10 * STUCK_SECONDS)
    assert observed.health.ready() is None


def test_a_revoked_partition_is_no_longer_watched(observed: Observed) -> None:
    for _ in range(300):
        observed.see(5, 100)
    observed.health.released([A])
    assert observed.health.ready() is None
    observed.see(5, 100)
    assert observed.health.ready() is None
