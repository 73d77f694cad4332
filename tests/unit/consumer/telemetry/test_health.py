"""Ready means warm and assigned; healthy means that the loop moves."""

from consumer.telemetry.health import STUCK_SECONDS, Health


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_warm_model_and_assigned_partitions_are_ready() -> None:
    health = Health(Clock())
    assert health.ready() == "the model is not warm yet"
    health.model_warm()
    assert health.ready() == "no partitions are assigned"
    health.assigned(2)
    assert health.ready() is None
    health.assigned(-2)
    assert health.ready() == "no partitions are assigned"


def test_a_loop_that_does_not_move_is_unhealthy() -> None:
    clock = Clock()
    health = Health(clock)
    clock.now += STUCK_SECONDS
    assert health.healthy() == "the loop has not moved for 120 s"
    health.heartbeat()
    assert health.healthy() is None
