"""The loop's own order: an aborted commit is done again from its first record, and counted once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from confluent_kafka import TopicPartition
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry

from consumer.commit.sink import AbortedError, OutputRecord
from consumer.detector.dead_letter_limit import DeadLetterLimit
from consumer.detector.decode import Decoder
from consumer.detector.loop import ABORTS_IN_A_ROW, Detector
from consumer.detector.metrics import DetectorMetrics, Trigger
from consumer.errors import CommitError
from consumer.telemetry.health import Health
from events.codec import encode
from events.messages import FEATURES, Transaction
from events.topics import Topics
from model.drift_baseline import Distribution, DriftBaseline

PARTITION = TopicPartition("transactions", 0)
HALVES = Distribution(edges=[0.0], shares=[0.5, 0.5])
REFERENCE = DriftBaseline(rows=2, features=[HALVES] * len(FEATURES), scores=HALVES)


@dataclass
class Stored:
    """A record of partition 0."""

    place: int
    payload: bytes

    def topic(self) -> str:
        return "transactions"

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return self.place

    def timestamp(self) -> tuple[int, int]:
        return (1, 1000)

    def key(self) -> bytes | None:
        return None

    def value(self) -> bytes | None:
        return self.payload

    def headers(self) -> None:
        return None


def record(place: int, *, fraud: bool) -> Stored:
    numbers = dict.fromkeys(FEATURES, 0.0) | {"V1": float(fraud)}
    return Stored(place, encode(Transaction(transaction_id=f"row-{place}", **numbers)))


class Log:
    """One partition read in batches of two, and the group's hold on it."""

    def __init__(self, frauds: Sequence[bool]) -> None:
        self.records = [record(place, fraud=fraud) for place, fraud in enumerate(frauds)]
        self.position = 0
        self.events: list[str] = []
        self.rebalance: Iterator[str] = iter(())
        self.listener: Detector

    def subscribe(self, listener: Detector) -> None:
        self.listener = listener
        listener.assigned([PARTITION])

    def read(self) -> tuple[list[Stored], Trigger]:
        for event in self.rebalance:
            getattr(self.listener, event)([PARTITION])
            break
        batch = self.records[self.position : self.position + 2]
        self.position += len(batch)
        return batch, Trigger.DRAINED

    def committed(self, offsets: Sequence[TopicPartition]) -> None:
        """Nothing is forgotten here."""

    def rewind(self, partitions: Sequence[TopicPartition]) -> None:
        for partition in partitions:
            self.position = partition.offset
            self.events.append(f"rewind {partition.offset}")

    def close(self) -> None:
        self.listener.revoked([PARTITION])


@dataclass
class Commits:
    """A delivery that aborts as often as it is told to, and keeps what it committed."""

    aborts: int = 0
    keys: list[bytes | None] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)

    def open(self) -> None:
        """Nothing to prepare."""

    def commit(self, records: Sequence[OutputRecord], offsets: Sequence[TopicPartition]) -> None:
        if self.aborts:
            self.aborts -= 1
            raise AbortedError("told to")
        self.keys += [record.key for record in records]
        self.offsets += [place.offset for place in offsets]


def score(features: NDArray[np.float32]) -> NDArray[np.float32]:
    return features[:, 1]


def run(
    log: Log, commits: Commits, *, turns: int, interval: float = 0.0, reachable: bool = True
) -> CollectorRegistry:
    """Run the loop for so many turns; the interval is 0 unless offsets are to ride along."""
    registry = CollectorRegistry()
    metrics = DetectorMetrics(registry)
    metrics.drift.compare_with(REFERENCE, FEATURES)
    detector = Detector(
        log,
        Decoder(FEATURES),
        score,
        threshold=0.5,
        model_version="v",
        delivery=commits,
        topics=Topics(),
        metrics=metrics,
        health=Health(),
        commit_interval=interval,
        limit=DeadLetterLimit(0, 0),
    )
    left = iter(range(turns))
    detector.run(stopped=lambda: next(left, None) is None, reachable=lambda: reachable)
    return registry


def scored(registry: CollectorRegistry) -> float | None:
    return registry.get_sample_value("fraud_transactions_scored_total")


def test_batches_with_alerts_commit_at_once_and_others_ride_along() -> None:
    log, commits = Log([False, False, False, True, False, False]), Commits()
    registry = run(log, commits, turns=4, interval=3600)
    assert commits.keys == [b"row-3"]
    assert commits.offsets == [4, 6]  # the second one when it stopped
    assert scored(registry) == 6


def test_an_aborted_commit_is_done_again_from_its_first_record_and_counted_once() -> None:
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


def test_aborts_without_end_end_the_process() -> None:
    log, commits = Log([True] * 2), Commits(aborts=10**6)
    with pytest.raises(CommitError, match=f"{ABORTS_IN_A_ROW} commits in a row were aborted"):
        run(log, commits, turns=10**6)


def test_a_revoke_commits_what_rode_along() -> None:
    log, commits = Log([False] * 4), Commits()
    log.rebalance = iter(["assigned", "revoked"])
    registry = run(log, commits, turns=2, interval=3600)
    assert commits.offsets[0] == 2
    assert scored(registry) == 4


def test_an_abort_within_a_revoke_leaves_the_records_to_their_next_owner() -> None:
    log, commits = Log([False] * 4), Commits(aborts=1)
    log.rebalance = iter(["assigned", "revoked"])
    registry = run(log, commits, turns=2, interval=3600)
    # What the same read brought is dropped too: committing it would skip what was aborted.
    assert commits.offsets == []
    assert scored(registry) == 0


def test_lost_partitions_are_dropped_uncommitted_and_uncounted() -> None:
    log, commits = Log([False] * 4), Commits()
    log.rebalance = iter(["assigned", "lost"])
    registry = run(log, commits, turns=2, interval=3600)
    # Of the first batch, read before the loss, nothing is told; its next owner will.
    assert commits.offsets == [4]
    assert scored(registry) == 2
    events = registry.get_sample_value("fraud_kafka_rebalances_total", {"event": "lost"})
    assert events == 1


def test_a_failed_commit_is_not_tried_again_on_the_way_out() -> None:
    class Broken(Commits):
        calls = 0

        def commit(
            self, records: Sequence[OutputRecord], offsets: Sequence[TopicPartition]
        ) -> None:
            self.calls += 1
            raise CommitError("fenced")

    broken = Broken()
    with pytest.raises(CommitError, match="fenced"):
        run(Log([True]), broken, turns=5)
    assert broken.calls == 1


def test_what_was_read_while_kafka_is_away_is_left_to_the_next_process() -> None:
    log, commits = Log([True] * 2), Commits()
    run(log, commits, turns=5, reachable=False)
    assert log.position == 2
    assert commits.offsets == []
