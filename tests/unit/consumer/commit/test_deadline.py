"""A deadline is shared by the calls that it is passed to."""

from consumer.commit.deadline import Deadline
from consumer.commit.kafka_sink import COMMIT_SECONDS, WATCHDOG_SECONDS
from consumer.detector.source import COMMITTED_SECONDS
from kafkaio.clients import member_settings
from kafkaio.settings import KafkaSettings
from tests.support.clock import ManualClock


def test_it_is_over_after_its_seconds() -> None:
    clock = ManualClock()
    deadline = Deadline(10.0, clock)
    clock.now += 4
    assert (deadline.remaining, deadline.is_over) == (6.0, False)
    clock.now += 6
    assert (deadline.remaining, deadline.is_over) == (0.0, True)
    clock.now += 1
    assert (deadline.remaining, deadline.is_over) == (0.0, True)


def test_a_commit_that_can_be_repaired_is_not_killed_and_a_stuck_one_ends_before_the_eviction() -> (
    None
):
    configuration = member_settings(
        KafkaSettings(), "group", on_error=lambda _: None, on_statistics=lambda _: None
    )
    eviction = configuration["max.poll.interval.ms"] / 1000
    # From read to read: a commit as partitions are revoked, a new producer, the committed offsets.
    assert eviction > 2 * COMMIT_SECONDS + COMMITTED_SECONDS
    assert 2 * COMMIT_SECONDS < WATCHDOG_SECONDS < eviction
