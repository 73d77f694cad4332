"""The order of the loop: after an abort, everything is processed again and counted once."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import pytest
from confluent_kafka import TopicPartition
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry

from consumer.commit.sink import AbortedError, CommitTimings, OutputRecord
from consumer.detector.checkpoint import Checkpoint
from consumer.detector.dead_letter_limit import DeadLetterLimit
from consumer.detector.decide import Decider
from consumer.detector.decode import Decoder
from consumer.detector.loop import ABORTS_IN_A_ROW, Detector
from consumer.detector.metrics import DetectorMetrics
from consumer.detector.protocols import SourceListener
from consumer.detector.source import InputRecord, Trigger
from consumer.errors import CommitError
from consumer.telemetry.health import Health
from events.codec import encode
from events.messages import FEATURES, Transaction
from events.topics import Topics
from kafkaio.connectivity import Reachability
from model.drift_baseline import Distribution, DriftBaseline
from tests.support.records import StoredRecord

PARTITION = TopicPartition("transactions", 0)
HALVES = Distribution(edges=[0.0], shares=[0.5, 0.5])
BASELINE = DriftBaseline(rows=2, features=[HALVES] * len(FEATURES), scores=HALVES)


def record(offset: int, *, fraud: bool) -> StoredRecord:
    numbers = dict.fromkeys(FEATURES, 0.0) | {"V1": float(fraud)}
    value = encode(Transaction(transaction_id=f"row-{offset}", **numbers))
    return StoredRecord(0, offset, value)


class Log:
    """One partition read in batches of two, and the group's hold on it."""

    def __init__(self, frauds: Sequence[bool]) -> None:
        self.records = [record(offset, fraud=fraud) for offset, fraud in enumerate(frauds)]
        self.position = 0
        self.events: list[str] = []
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

    def close(self) -> None:
        self.listener.revoked([PARTITION])


@dataclass
class Commits:
    """A sink that aborts a given number of times, and keeps what it committed."""

    aborts: int = 0
    opened: int = 0
    keys: list[bytes | None] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)

    def open(self) -> None:
        self.opened += 1

    def commit(
        self, records: Sequence[OutputRecord], offsets: Sequence[TopicPartition]
    ) -> CommitTimings:
        if self.aborts:
            self.aborts -= 1
            raise AbortedError("as requested")
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
) -> CollectorRegistry:
    """Run the loop for so many turns; the interval is 0 unless offsets are to ride along."""
    registry = CollectorRegistry()
    metrics = DetectorMetrics(registry)
    metrics.drift.compare_with(BASELINE, FEATURES)
    left = iter(range(turns))
    with ThreadPoolExecutor(1) as executor:
        Detector(
            log,
            Decoder(FEATURES),
            score,
            executor=executor,
            decider=Decider(0.5, "v", Topics()),
            sink=commits,
            checkpoint=Checkpoint(metrics, DeadLetterLimit(0, 0)),
            metrics=metrics,
            health=Health(),
            commit_interval=interval,
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
    with pytest.raises(CommitError, match=f"{ABORTS_IN_A_ROW} commits in a row were aborted"):
        run(log, commits, turns=10**6)


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
