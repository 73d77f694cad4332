"""The detector's loop over a topic in memory: what it costs without Kafka."""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import cast

from confluent_kafka import Message, TopicPartition
from prometheus_client import CollectorRegistry, generate_latest

from benchmarks.harness.stages import stage_microseconds
from consumer.commit.patience import Patience
from consumer.commit.sink import CommitTimings, OutputRecord
from consumer.detector.checkpoint import Checkpoint
from consumer.detector.dead_letter_limit import DeadLetterLimit
from consumer.detector.decide import Decider
from consumer.detector.decode import Decoder
from consumer.detector.loop import Detector
from consumer.detector.metrics import DetectorMetrics
from consumer.detector.protocols import InputRecord, SourceListener, Trigger
from consumer.detector.score import ScoreRows
from consumer.telemetry.health import Health
from events.messages import FEATURES
from events.topics import Topics
from kafkaio.connectivity import Reachability
from kafkaio.partitions import PartitionId

TOPICS = Topics()
COMMIT_SECONDS = 0.1
THRESHOLD = 0.5


class InMemoryTopic:
    """Records in memory, read batch after batch; see `consumer.detector.protocols.RecordSource`.

    Args:
        payloads: the records' values.
        batch: records in a batch, at most.
    """

    def __init__(self, payloads: Sequence[bytes], batch: int) -> None:
        now = time.time_ns() // 1_000_000
        self._unread = iter(
            [
                Message(TOPICS.transactions, 0, offset, value=payload, timestamp=(1, now))
                for offset, payload in enumerate(payloads)
            ]
        )
        self._batch = batch
        self.is_read = False

    def subscribe(self, listener: SourceListener) -> None:
        """Assign the partition."""
        listener.assigned([TopicPartition(TOPICS.transactions, 0)])

    def read(self) -> tuple[list[InputRecord], Trigger]:
        """Return the next batch; none at the end."""
        records = list(islice(self._unread, self._batch))
        self.is_read = not records
        return cast("list[InputRecord]", records), Trigger.FULL

    def rewind(self, partitions: Sequence[TopicPartition]) -> None:
        """Never happens: no commit fails."""
        raise NotImplementedError

    def committed(self, partitions: Sequence[TopicPartition]) -> Mapping[PartitionId, int]:
        """Never happens: no commit is uncertain."""
        raise NotImplementedError

    def close(self) -> None:
        """Do nothing."""


class DiscardingSink:
    """Commits nothing, at once; see `consumer.commit.sink.CommitSink`."""

    def open(self) -> None:
        """Do nothing."""

    def commit(
        self,
        records: Sequence[OutputRecord],  # noqa: ARG002 - discarded
        offsets: Sequence[TopicPartition],  # noqa: ARG002 - discarded
    ) -> CommitTimings:
        """Discard the records."""
        return CommitTimings(0.0, 0.0)


@dataclass(frozen=True, slots=True)
class LoopTimes:
    """What the loop took.

    Attributes:
        rate: transactions a second.
        stages: microseconds a transaction, by stage.
    """

    rate: float
    stages: dict[str, float]


def run_loop(score: ScoreRows, payloads: Sequence[bytes], batch: int) -> LoopTimes:
    """Run the detector's loop over payloads, in batches of that many records.

    Args:
        score: the model.
        payloads: valid transactions.
        batch: records in a batch, at most.
    """
    topic = InMemoryTopic(payloads, batch)
    registry = CollectorRegistry()
    metrics = DetectorMetrics(registry)
    with ThreadPoolExecutor(1) as executor:
        detector = Detector(
            topic,
            Decoder(FEATURES),
            score,
            executor=executor,
            decider=Decider(THRESHOLD, "benchmark", TOPICS),
            sink=DiscardingSink(),
            patience=Patience(0.0),
            checkpoint=Checkpoint(metrics, DeadLetterLimit()),
            metrics=metrics,
            health=Health(),
            commit_interval=COMMIT_SECONDS,
        )
        start = time.perf_counter()
        detector.run(
            stopped=lambda: topic.is_read, wait_until_reachable=lambda: Reachability.REACHABLE
        )
        seconds = time.perf_counter() - start
    return LoopTimes(
        len(payloads) / seconds, stage_microseconds(generate_latest(registry).decode())
    )
