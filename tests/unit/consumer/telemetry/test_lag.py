"""Lag is counted from what the loop was handed, to the end of what is readable."""

import json

from prometheus_client import CollectorRegistry

from consumer.detector.metrics import DetectorMetrics
from consumer.telemetry.lag import lags


def statistics(**partitions: dict[str, object]) -> str:
    return json.dumps({"name": "x", "topics": {"t": {"topic": "t", "partitions": partitions}}})


def partition(
    app: int, committed: int, oldest: int, end: int, state: str = "active"
) -> dict[str, object]:
    return {
        "fetch_state": state,
        "app_offset": app,
        "committed_offset": committed,
        "lo_offset": oldest,
        "ls_offset": end,
        "consumer_lag": -1,
    }


def test_lag_starts_at_what_was_handed_over_else_committed_else_oldest() -> None:
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
    assert lags(text) == {("t", 0): 10, ("t", 1): 50, ("t", 2): 80}


def test_lag_of_a_revoked_partition_is_removed() -> None:
    registry = CollectorRegistry()
    metrics = DetectorMetrics(registry)
    metrics.set_lag({("t", 0): 5, ("t", 1): 6})
    metrics.forget_lag([("t", 0), ("t", 7)])
    name = "fraud_kafka_consumer_lag"
    assert registry.get_sample_value(name, {"topic": "t", "partition": "0"}) is None
    assert registry.get_sample_value(name, {"topic": "t", "partition": "1"}) == 6
