"""A checkpoint commits next-to-read offsets, rolls back to the first ones, and counts once."""

from dataclasses import replace

import numpy as np
import pytest
from confluent_kafka import TopicPartition
from prometheus_client import CollectorRegistry

from consumer.detector.checkpoint import BatchResult, Checkpoint
from consumer.detector.dead_letter_limit import DeadLetterLimit
from consumer.detector.metrics import DetectorMetrics
from consumer.detector.protocols import Trigger
from consumer.errors import OffsetOrderError
from events.errors import Reason
from kafkaio.gaps import Gap, GapReason
from tests.support.records import StoredRecord


def record(partition: int, offset: int) -> StoredRecord:
    return StoredRecord(partition, offset, stored_topic="t")


RESULT = BatchResult(
    topic="t",
    records=3,
    trigger=Trigger.FULL,
    rejected=[Reason.EMPTY],
    scores=np.array([0.2, 0.95], dtype=np.float32),
    latencies=np.array([0.004, 3.0]),
    flagged_event_times=np.array([99.0]),
    flagged_amounts=np.array([12.5]),
    drift_sample=np.empty((0, 31), np.float32),
)


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def checkpoint(registry: CollectorRegistry) -> Checkpoint:
    return Checkpoint(DetectorMetrics(registry), DeadLetterLimit(0, 0))


def offsets(partitions: list[TopicPartition]) -> set[tuple[int, int]]:
    return {(position.partition, position.offset) for position in partitions}


def test_it_commits_next_to_read_offsets_and_rolls_back_to_the_first(
    checkpoint: Checkpoint,
) -> None:
    assert not checkpoint
    checkpoint.add([record(0, 5), record(0, 6), record(1, 9)])
    checkpoint.add([record(0, 7)])
    assert checkpoint
    assert offsets(checkpoint.offsets()) == {(0, 8), (1, 10)}
    assert offsets(checkpoint.rollback()) == {(0, 5), (1, 9)}
    assert not checkpoint


def test_a_partition_may_come_in_several_runs(checkpoint: Checkpoint) -> None:
    checkpoint.add([record(0, 5), record(1, 9), record(0, 6), record(1, 10)])
    assert offsets(checkpoint.offsets()) == {(0, 7), (1, 11)}


def test_released_partitions_are_neither_committed_nor_rewound(checkpoint: Checkpoint) -> None:
    checkpoint.add([record(0, 5), record(1, 9)])
    checkpoint.release([TopicPartition("t", 0), TopicPartition("t", 2)])
    assert offsets(checkpoint.offsets()) == {(1, 10)}
    assert offsets(checkpoint.rollback()) == {(1, 9)}


def test_it_remembers_what_it_committed(checkpoint: Checkpoint) -> None:
    checkpoint.add([record(0, 5), record(1, 9)])
    assert checkpoint.committed("t", 0) == 0
    checkpoint.commit(now=0.0)
    checkpoint.add([record(0, 6)])
    assert (checkpoint.committed("t", 0), checkpoint.committed("t", 1)) == (6, 10)


@pytest.mark.parametrize(
    "records",
    [
        [record(0, 6)],
        [record(0, 7), record(0, 7)],
        [record(0, 8), record(0, 7)],
        [record(1, 3), record(0, 6)],
    ],
)
def test_offsets_that_do_not_rise_are_an_error(
    checkpoint: Checkpoint, records: list[StoredRecord]
) -> None:
    checkpoint.add([record(0, 5), record(0, 6)])
    with pytest.raises(OffsetOrderError, match=r"of t \[0\] came where 7 was expected"):
        checkpoint.add(records)


def test_a_gap_is_no_error_since_transactions_leave_markers(
    checkpoint: Checkpoint, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    checkpoint.add([record(0, 5), record(0, 8)])
    checkpoint.add([record(0, 10)])
    assert offsets(checkpoint.offsets()) == {(0, 11)}
    assert caplog.messages == [
        "2 offsets of t [0] were not read.",
        "1 offsets of t [0] were not read.",
    ]


GAP = Gap("t", 0, GapReason.DELETED, 8, 12, 12)


def test_a_gap_is_reported_at_once_and_counted_with_the_commit_that_covers_it(
    checkpoint: Checkpoint, registry: CollectorRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    def count(name: str) -> float | None:
        return registry.get_sample_value(name, {"reason": "deleted"})

    checkpoint.skip(GAP)
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("ERROR", str(GAP))
    ]
    checkpoint.add([record(0, 12)])
    assert offsets(checkpoint.rollback()) == {(0, 12)}
    assert count("fraud_records_lost_total") == count("fraud_gaps_total") == 0
    assert offsets(checkpoint.offsets()) == {(0, 12)}
    checkpoint.commit(now=0.0)
    checkpoint.commit(now=0.0)
    assert (count("fraud_records_lost_total"), count("fraud_gaps_total")) == (4, 1)
    assert len(caplog.records) == 1


def test_the_next_owner_of_a_released_partition_finds_its_gap(checkpoint: Checkpoint) -> None:
    checkpoint.skip(GAP)
    checkpoint.release([TopicPartition("t", 0)])
    checkpoint.rollback()
    assert not checkpoint


def test_a_recreated_topic_begins_anew_and_the_gap_where_the_deleted_one_was_read_to(
    checkpoint: Checkpoint,
) -> None:
    checkpoint.identified("old")
    checkpoint.add([record(0, 5), record(1, 9)])
    checkpoint.commit(now=0.0)
    checkpoint.add([record(0, 6)])
    assert [place.metadata for place in checkpoint.offsets()] == ["topic-id=old"]
    gaps = checkpoint.recreate(
        "new", [Gap("t", number, GapReason.TOPIC_RECREATED, 0, 10, 0) for number in (0, 1, 2)]
    )
    assert [(gap.first, gap.next) for gap in gaps] == [(6, 10), (10, 10), (10, 10)]
    assert not checkpoint
    assert checkpoint.committed("t", 1) == 0
    checkpoint.add([record(0, 0)])
    assert [place.metadata for place in checkpoint.offsets()] == ["topic-id=new"]


def test_records_are_read_again_after_a_rollback(checkpoint: Checkpoint) -> None:
    checkpoint.add([record(0, 5), record(0, 6)])
    checkpoint.rollback()
    checkpoint.add([record(0, 5)])
    assert offsets(checkpoint.offsets()) == {(0, 6)}


def test_a_released_partition_may_come_back_at_any_offset(checkpoint: Checkpoint) -> None:
    checkpoint.add([record(0, 5)])
    checkpoint.release([TopicPartition("t", 0)])
    checkpoint.add([record(0, 2)])
    assert offsets(checkpoint.offsets()) == {(0, 3)}


def test_a_rollback_leaves_the_metrics_alone(
    checkpoint: Checkpoint, registry: CollectorRegistry
) -> None:
    checkpoint.complete(RESULT)
    checkpoint.rollback()
    checkpoint.commit(now=100.0)
    assert registry.get_sample_value("fraud_transactions_scored_total") == 0


def test_a_commit_moves_every_metric(checkpoint: Checkpoint, registry: CollectorRegistry) -> None:
    checkpoint.complete(RESULT)
    checkpoint.complete(replace(RESULT, records=1, trigger=Trigger.DRAINED, rejected=[]))
    checkpoint.commit(now=100.0)
    checkpoint.commit(now=100.0)

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(name, labels)

    assert value("fraud_messages_consumed_total", topic="t") == 4
    assert value("fraud_transactions_scored_total") == 4
    assert value("fraud_alerts_total") == 2
    assert value("fraud_batches_total", trigger="full") == 1
    assert value("fraud_batches_total", trigger="drained") == 1
    assert value("fraud_dead_letters_total", reason="empty") == 1
    assert value("fraud_batch_size_sum") == 4
    assert value("fraud_score_count") == 4
    assert value("fraud_scoring_latency_seconds_bucket", le="0.005") == 2
    assert value("fraud_detection_latency_seconds_sum") == 2.0
    assert value("fraud_alert_amount_sum") == 25.0
    assert value("fraud_alert_amount_bucket", le="10.0") == 0
