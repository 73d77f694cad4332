"""Ready means warm and assigned; healthy means that the loop moves."""

from consumer.telemetry.health import STUCK_SECONDS, Health
from tests.support.clock import ManualClock


def test_a_warm_model_and_assigned_partitions_are_ready() -> None:
    health = Health(ManualClock())
    assert health.ready() == "the model is not warm yet"
    health.model_warm()
    assert health.ready() == "no partitions are assigned"
    health.assigned(2)
    assert health.ready() is None
    health.assigned(-2)
    assert health.ready() == "no partitions are assigned"


def test_a_loop_that_does_not_move_is_unhealthy() -> None:
    clock = ManualClock()
    health = Health(clock)
    clock.now += STUCK_SECONDS
    assert health.healthy() == "the loop has not moved for 120 s"
    health.heartbeat()
    assert health.healthy() is None
