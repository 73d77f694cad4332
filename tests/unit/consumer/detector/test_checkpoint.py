"""What is pending is committed next-to-read, rewound to its first offset, and told once."""

import numpy as np
from confluent_kafka import TopicPartition
from prometheus_client import CollectorRegistry

from consumer.detector.checkpoint import Pending
from consumer.detector.metrics import DetectorMetrics, Trigger
from events.errors import Reason


class At:
    """A record of topic "t" at a place."""

    def __init__(self, partition: int, offset: int) -> None:
        self._partition = partition
        self._offset = offset

    def topic(self) -> str:
        return "t"

    def partition(self) -> int:
        return self._partition

    def offset(self) -> int:
        return self._offset


def places(partitions: list[TopicPartition]) -> set[tuple[int, int]]:
    return {(place.partition, place.offset) for place in partitions}


def test_offsets_are_next_to_read_and_rewinds_go_to_the_first() -> None:
    pending = Pending()
    assert not pending
    pending.read([At(0, 5), At(1, 9), At(0, 6)])
    pending.read([At(0, 9)])  # 7 and 8 are a transaction's markers, say
    assert places(pending.to_commit()) == {(0, 10), (1, 10)}
    assert places(pending.to_rewind()) == {(0, 5), (1, 9)}


def test_forgotten_partitions_are_neither_committed_nor_rewound() -> None:
    pending = Pending()
    pending.read([At(0, 5), At(1, 9)])
    pending.forget([TopicPartition("t", 0), TopicPartition("t", 2)])
    assert places(pending.to_commit()) == {(1, 10)}
    assert places(pending.to_rewind()) == {(1, 9)}


def test_metrics_hear_of_everything_that_was_pending() -> None:
    registry = CollectorRegistry()
    metrics = DetectorMetrics(registry)
    pending = Pending()
    pending.read([At(0, 0), At(0, 1), At(1, 0)])
    pending.triggers[Trigger.FULL] += 1
    pending.dead_letters[Reason.EMPTY] += 1
    pending.scores.append(np.array([0.2, 0.95], dtype=np.float32))
    pending.scoring_latencies.append(np.array([0.004, 3.0]))
    pending.flagged_event_times.append(99.0)
    pending.flagged_amounts.append(12.5)
    pending.tell(metrics, now=100.0)

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(name, labels)

    assert value("fraud_messages_consumed_total", topic="t") == 3
    assert value("fraud_transactions_scored_total") == 2
    assert value("fraud_alerts_total") == 1
    assert value("fraud_batches_total", trigger="full") == 1
    assert value("fraud_batches_total", trigger="drained") == 0
    assert value("fraud_dead_letters_total", reason="empty") == 1
    assert value("fraud_batch_size_sum") == 3
    assert value("fraud_score_count") == 2
    assert value("fraud_scoring_latency_seconds_bucket", le="0.005") == 1
    assert value("fraud_detection_latency_seconds_sum") == 1.0
    assert value("fraud_alert_amount_sum") == 12.5
    assert value("fraud_alert_amount_bucket", le="10.0") == 0
