"""The order of the loop: after an abort, everything is processed again and counted once."""

import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry

from consumer.commit.patience import Patience
from consumer.commit.sink import (
    AbortedError,
    CommitTimings,
    OutputRecord,
    UnavailableError,
    UncertainError,
)
from consumer.detector.checkpoint import Checkpoint
from consumer.detector.dead_letter_limit import DeadLetterLimit
from consumer.detector.decide import Decider
from consumer.detector.decode import Decoder
from consumer.detector.loop import Detector
from consumer.detector.metrics import DetectorMetrics
from consumer.detector.protocols import InputRecord, SourceListener, Trigger
from consumer.detector.score import ScoreRows
from consumer.errors import CommitError, ScoreNotFiniteError
from consumer.telemetry.health import Health
from events.codec import encode
from events.messages import FEATURES, Transaction
from events.topics import Topics
from kafkaio.connectivity import Reachability
from kafkaio.error_codes import REQUEST_TIMED_OUT
from kafkaio.partitions import PartitionId
from model.drift_baseline import Distribution, DriftBaseline
from tests.support.clock import ManualClock
from tests.support.records import LONG_AGO, StoredRecord

PARTITION = TopicPartition("transactions", 0)
HALVES = Distribution(edges=[0.0], shares=[0.5, 0.5])
BASELINE = DriftBaseline(rows=2, features=[HALVES] * len(FEATURES), scores=HALVES)


def record(offset: int, *, fraud: float, timestamp: int = LONG_AGO) -> StoredRecord:
    numbers = dict.fromkeys(FEATURES, 0.0) | {"V1": float(fraud)}
    value = encode(Transaction(transaction_id=f"row-{offset}", **numbers))
    return StoredRecord(0, offset, value, stored_timestamp=timestamp)


class Log:
    """One partition read in batches of two, and the group's hold on it."""

    def __init__(self, frauds: Sequence[bool]) -> None:
        self.records = [record(offset, fraud=fraud) for offset, fraud in enumerate(frauds)]
        self.position = 0
        self.events: list[str] = []
        self.group_offset = 0
        self.unanswered = 0
        self.rebalance: Iterator[str] = iter(())
        self.listener: SourceListener

    def subscribe(self, listener: SourceListener) -> None:
        self.listener = listener
        listener.assigned([PARTITION])

    def read(self) -> tuple[list[InputRecord], Trigger]:
        for event in self.rebalance:
            getattr(self.listener, event)([PARTITION])
            break
        batch: list[InputRecord] = [*self.records[self.position : self.position + 2]]
        self.position += len(batch)
        return batch, Trigger.DRAINED

    def rewind(self, partitions: Sequence[TopicPartition]) -> None:
        for partition in partitions:
            self.position = partition.offset
            self.events.append(f"rewind {partition.offset}")

    def committed(self, partitions: Sequence[TopicPartition]) -> dict[PartitionId, int]:
        if self.unanswered:
            self.unanswered -= 1
            raise KafkaException(KafkaError(REQUEST_TIMED_OUT, "No answer"))
        return {(place.topic, place.partition): self.group_offset for place in partitions}

    def close(self) -> None:
        self.listener.revoked([PARTITION])


@dataclass
class Commits:
    """A sink that aborts a given number of times, and keeps what it committed.

    After an abort it is closed, and the next `closed` attempts to open it fail.
    """

    aborts: int = 0
    error: type[Exception] = AbortedError
    closed: int = 0
    opened: int = 0
    keys: list[bytes | None] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)

    def open(self) -> None:
        if self.closed:
            self.closed -= 1
            raise UnavailableError("as requested")
        self.opened += 1

    def commit(
        self, records: Sequence[OutputRecord], offsets: Sequence[TopicPartition]
    ) -> CommitTimings:
        if self.aborts:
            self.aborts -= 1
            raise self.error("as requested")
        self.keys += [record.key for record in records]
        self.offsets += [position.offset for position in offsets]
        return CommitTimings(0.25, 0.5)


def score(features: NDArray[np.float32]) -> NDArray[np.float32]:
    return features[:, 1]


def run(
    log: Log,
    commits: Commits,
    *,
    turns: int,
    interval: float = 0.0,
    reachability: Reachability = Reachability.REACHABLE,
    model: ScoreRows = score,
    now: float = LONG_AGO / 1000 + 1.0,
) -> CollectorRegistry:
    """Run the loop for so many turns; the interval is 0 unless offsets are to ride along."""
    registry = CollectorRegistry()
    metrics = DetectorMetrics(registry)
    metrics.drift.compare_with(BASELINE, FEATURES)
    left = iter(range(turns))
    clock = ManualClock()
    with ThreadPoolExecutor(1) as executor:
        Detector(
            log,
            Decoder(FEATURES),
            model,
            executor=executor,
            decider=Decider(0.5, "v", Topics()),
            sink=commits,
            patience=Patience(60.0, monotonic=clock, sleep=clock.sleep),
            checkpoint=Checkpoint(metrics, DeadLetterLimit(0, 0)),
            metrics=metrics,
            health=Health(),
            commit_interval=interval,
            wall=lambda: now,
        ).run(
            stopped=lambda: next(left, None) is None,
            wait_until_reachable=lambda: reachability,
        )
    return registry


def scored(registry: CollectorRegistry) -> float | None:
    return registry.get_sample_value("fraud_transactions_scored_total")


def test_a_batch_with_alerts_commits_at_once_and_others_ride_along() -> None:
    log, commits = Log([False, False, False, True, False, False]), Commits()
    registry = run(log, commits, turns=4, interval=3600)
    assert commits.keys == [b"row-3"]
    assert commits.offsets == [4, 6]  # the second one when it stopped
    assert scored(registry) == 6


def test_after_an_abort_everything_is_processed_again_and_counted_once() -> None:
    log, commits = Log([False, False, True, False]), Commits(aborts=1)
    registry = run(log, commits, turns=8, interval=3600)
    # The first batch rode along with the second one's commit, so both are done again.
    assert log.events == ["rewind 0"]
    assert commits.keys == [b"row-2"]
    assert commits.offsets[-1] == 4
    assert scored(registry) == 4
    assert registry.get_sample_value("fraud_alerts_total") == 1
    assert registry.get_sample_value("fraud_alert_amount_count") == 1
    assert registry.get_sample_value("fraud_drift_rows") == 1  # every seventh, of four and four
    assert registry.get_sample_value("fraud_kafka_commits_total", {"outcome": "aborted"}) == 1


def test_endless_aborts_end_the_process() -> None:
    log, commits = Log([True] * 2), Commits(aborts=10**6)
    with pytest.raises(CommitError, match=r"committed for 60 s, .* because: as requested"):
        run(log, commits, turns=10**6)


def outcomes(registry: CollectorRegistry) -> dict[str, float | None]:
    name = "fraud_kafka_commits_total"
    return {
        outcome: registry.get_sample_value(name, {"outcome": outcome})
        for outcome in ("committed", "aborted", "failed")
    }


def test_a_commit_without_an_answer_that_took_effect_is_counted_and_not_repeated() -> None:
    log = Log([False, False, True, False, False, False])
    commits = Commits(aborts=1, error=UncertainError, closed=2)
    log.group_offset, log.unanswered = 4, 1
    registry = run(log, commits, turns=10, interval=3600)
    # The third batch was read while the outcome was not known.
    assert log.events == ["rewind 4"]
    assert commits.keys == []
    assert commits.offsets == [6]
    assert scored(registry) == 6
    assert registry.get_sample_value("fraud_alerts_total") == 1
    assert outcomes(registry) == {"committed": 2, "aborted": 0, "failed": 0}


def test_a_commit_without_an_answer_that_had_no_effect_is_repeated() -> None:
    log = Log([False, False, True, False, False, False])
    commits = Commits(aborts=1, error=UncertainError, closed=2)
    log.unanswered = 1
    registry = run(log, commits, turns=10, interval=3600)
    assert log.events == ["rewind 0"]
    assert commits.keys == [b"row-2"]
    assert commits.offsets == [4, 6]
    assert scored(registry) == 6
    assert registry.get_sample_value("fraud_alerts_total") == 1
    assert outcomes(registry) == {"committed": 2, "aborted": 1, "failed": 0}


def test_partitions_that_were_lost_do_not_tell_how_a_commit_ended() -> None:
    log = Log([False, False, True, False])
    commits = Commits(aborts=1, error=UncertainError)
    log.group_offset = 4  # their next owner's commit
    log.rebalance = iter(["assigned", "assigned", "lost"])
    registry = run(log, commits, turns=6, interval=3600)
    assert scored(registry) == 0


def test_a_revoke_commits_what_rode_along() -> None:
    log, commits = Log([False] * 4), Commits()
    log.rebalance = iter(["assigned", "revoked"])
    registry = run(log, commits, turns=2, interval=3600)
    assert commits.offsets[0] == 2
    assert scored(registry) == 4


def test_an_abort_during_a_revoke_leaves_the_records_to_their_next_owner() -> None:
    log, commits = Log([False] * 4), Commits(aborts=1)
    log.rebalance = iter(["assigned", "revoked"])
    registry = run(log, commits, turns=2, interval=3600)
    # The records of the same read are dropped, too: committing them would skip the aborted ones.
    assert commits.offsets == []
    assert scored(registry) == 0


def test_lost_partitions_are_dropped_uncommitted_and_uncounted() -> None:
    log, commits = Log([False] * 4), Commits()
    log.rebalance = iter(["assigned", "lost"])
    registry = run(log, commits, turns=2, interval=3600)
    # The first batch, read before the loss, is not counted here: its next owner counts it.
    assert commits.offsets == [4]
    assert scored(registry) == 2
    events = registry.get_sample_value("fraud_kafka_rebalances_total", {"event": "lost"})
    assert events == 1


def test_rebalances_are_logged_with_the_partitions_that_remain(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class TwoPartitions(Log):
        def subscribe(self, listener: SourceListener) -> None:
            listener.assigned([TopicPartition("b", 10), TopicPartition("b", 9)])
            listener.assigned([TopicPartition("a", 1)])
            listener.revoked([TopicPartition("b", 9)])
            listener.lost([TopicPartition("a", 1), TopicPartition("b", 10)])
            super().subscribe(listener)

    with caplog.at_level(logging.INFO):
        run(TwoPartitions([False] * 2), Commits(), turns=1)
    lines = [line for line in caplog.messages if "this detector has" in line]
    assert lines[:4] == [
        "Assigned b [9], b [10]; this detector has b [9], b [10] now.",
        "Assigned a [1]; this detector has a [1], b [9], b [10] now.",
        "Revoked b [9]; this detector has a [1], b [10] now.",
        "Lost a [1], b [10]; this detector has no partitions now.",
    ]


def test_a_failed_commit_is_not_retried_when_leaving_the_group() -> None:
    class Broken(Commits):
        calls = 0

        def commit(
            self, records: Sequence[OutputRecord], offsets: Sequence[TopicPartition]
        ) -> CommitTimings:
            self.calls += 1
            raise CommitError("fenced")

    broken = Broken()
    with pytest.raises(CommitError, match="fenced"):
        run(Log([True]), broken, turns=5)
    assert broken.calls == 1


def test_records_read_during_an_outage_are_left_to_the_next_process() -> None:
    log, commits = Log([True] * 2), Commits()
    run(log, commits, turns=5, reachability=Reachability.STOPPED)
    assert log.position == 2
    assert commits.offsets == []


def test_the_sink_is_opened_again_after_an_outage() -> None:
    log, commits = Log([True] * 2), Commits()
    run(log, commits, turns=3, reachability=Reachability.RECOVERED)
    assert commits.opened == 3
    assert commits.offsets == [2]


def test_the_durations_of_a_commit_are_exported() -> None:
    registry = run(Log([True] * 2), Commits(), turns=1)
    durations = {
        stage: registry.get_sample_value("fraud_stage_duration_seconds_sum", {"stage": stage})
        for stage in ("produce", "commit")
    }
    assert durations == {"produce": 0.25, "commit": 0.5}


@pytest.mark.parametrize(
    ("timestamp", "reason"),
    [
        (-1, "missing"),
        (0, "too_old"),
        (LONG_AGO // 1000, "too_old"),
        (LONG_AGO * 1000, "future"),
        (LONG_AGO + 5_000, "future"),
    ],
)
def test_an_event_time_that_cannot_be_is_no_latency(timestamp: int, reason: str) -> None:
    log, commits = Log([True]), Commits()
    log.records = [record(0, fraud=1.0), record(1, fraud=1.0, timestamp=timestamp)]
    registry = run(log, commits, turns=1)
    for latency in ("scoring", "detection"):
        name = f"fraud_{latency}_latency_seconds"
        assert registry.get_sample_value(f"{name}_count") == 1
        assert registry.get_sample_value(f"{name}_sum") == 1.0
    counted = registry.get_sample_value("fraud_implausible_event_times_total", {"reason": reason})
    assert counted == 1
    assert registry.get_sample_value("fraud_alerts_total") == 2


def test_a_clock_that_is_a_little_ahead_makes_no_latency_negative() -> None:
    log = Log([True])
    log.records = [record(0, fraud=1.0, timestamp=LONG_AGO + 1_500)]
    registry = run(log, Commits(), turns=1)
    assert registry.get_sample_value("fraud_scoring_latency_seconds_sum") == 0
    assert registry.get_sample_value("fraud_detection_latency_seconds_count") == 1


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_a_score_that_is_no_number_is_fatal_and_nothing_is_committed(wrong: float) -> None:
    def broken(features: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.where(features[:, 1] == 1.0, np.float32(wrong), np.float32(0.0))

    commits = Commits()
    with pytest.raises(
        ScoreNotFiniteError, match=r"^The model returned 1 of 2 scores that"
    ) as error:
        run(Log([False, False, False, True]), commits, turns=4, interval=3600, model=broken)
    assert error.value.exit_code == 1
    assert commits.offsets == []
