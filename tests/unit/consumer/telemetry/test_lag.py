"""Lag is counted from the loop's position to the end, records of open transactions included."""

import json
from collections.abc import Mapping

from prometheus_client import CollectorRegistry

from consumer.detector.metrics import DetectorMetrics
from consumer.telemetry.health import STALLED_SECONDS, Health
from consumer.telemetry.lag import LagMonitor, PartitionState, partition_states
from kafkaio.end_offsets import Ends
from kafkaio.partitions import PartitionId
from tests.support.clock import ManualClock


def statistics(**partitions: dict[str, object]) -> str:
    return json.dumps({"name": "x", "topics": {"t": {"topic": "t", "partitions": partitions}}})


def partition(
    app: int,
    committed: int,
    oldest: int,
    end: int,
    state: str = "active",
    readable: int | None = None,
) -> dict[str, object]:
    return {
        "fetch_state": state,
        "fetchq_cnt": 3,
        "app_offset": app,
        "committed_offset": committed,
        "lo_offset": oldest,
        "hi_offset": end,
        "ls_offset": end if readable is None else readable,
        "consumer_lag": -1,
    }


def test_a_position_is_what_was_handed_over_else_committed_else_oldest() -> None:
    text = statistics(
        **{
            "0": partition(90, 50, 0, 100),
            "1": partition(-1001, 50, 0, 100),
            "2": partition(-1001, -1001, 20, 100),
            "3": partition(-1001, -1001, -1001, 100),
            "4": partition(10, 10, 0, -1001),
            "5": partition(10, 10, 0, 100, state="none"),
            "-1": partition(-1001, -1001, -1001, -1001, state="none"),
        }
    )
    assert partition_states(text) == {
        ("t", 0): PartitionState(90, 100, 100, 3),
        ("t", 1): PartitionState(50, 100, 100, 3),
        ("t", 2): PartitionState(20, 100, 100, 3),
        ("t", 3): PartitionState(-1, 100, 100, 3),
        ("t", 4): PartitionState(10, -1, -1, 3),
    }


class Answers:
    """Kafka's own answers about where partitions end."""

    def __init__(self, ends: dict[PartitionId, Ends]) -> None:
        self.ends = ends

    def latest(self, partitions: Mapping[PartitionId, object]) -> Mapping[PartitionId, Ends]:
        return {part: ends for part, ends in self.ends.items() if part in partitions}


def exported(text: str, answers: dict[PartitionId, Ends] | None = None) -> dict[PartitionId, int]:
    """Return the lags that are exported where partitions 0 to 2 are assigned."""
    health = Health()
    health.assigned([("t", 0), ("t", 1), ("t", 2)])
    lags: dict[PartitionId, int] = {}
    LagMonitor(health, lags.update, Answers(answers or {})).on_statistics(text)
    return lags


def test_records_of_an_open_transaction_count() -> None:
    assert exported(statistics(**{"0": partition(90, 0, 0, 131, readable=100)})) == {("t", 0): 41}


def test_a_partition_that_is_not_fetched_any_more_has_the_lag_that_kafka_reports() -> None:
    text = statistics(
        **{
            "0": partition(90, 0, 0, 90, state="stopped"),
            "1": partition(90, 0, 0, 95),
            "2": partition(-1001, -1001, -1001, 100),
            "3": partition(0, 0, 0, 100),  # another member's by now
        }
    )
    answers = {("t", number): Ends(94, 94) for number in range(4)}
    assert exported(text, answers) == {("t", 0): 4, ("t", 1): 5}


def test_a_partition_that_is_not_read_makes_the_process_unready() -> None:
    clock = ManualClock()
    health = Health(clock)
    health.model_warm()
    health.assigned([("t", 0)])
    monitor = LagMonitor(health, lambda _lags: None, Answers({("t", 0): Ends(94, 94)}))
    for _ in range(int(STALLED_SECONDS) + 1):
        assert health.ready() is None
        monitor.on_statistics(statistics(**{"0": partition(90, 0, 0, 90)}))
        clock.now += 1.0
    assert health.ready() == "t [0] has stood still at offset 90 for 30 s, and 4 offsets wait"


def test_lag_of_a_revoked_partition_is_removed() -> None:
    registry = CollectorRegistry()
    metrics = DetectorMetrics(registry)
    metrics.set_lag({("t", 0): 5, ("t", 1): 6})
    metrics.forget_lag([("t", 0), ("t", 7)])
    name = "fraud_kafka_consumer_lag"
    assert registry.get_sample_value(name, {"topic": "t", "partition": "0"}) is None
    assert registry.get_sample_value(name, {"topic": "t", "partition": "1"}) == 6
