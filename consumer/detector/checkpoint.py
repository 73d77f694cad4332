"""What was done since the last commit: offsets that may be committed, counts that may be told.

Nothing of it is told to Prometheus before it is committed, so that what is done again after an
abort is counted once.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from confluent_kafka import TopicPartition
from numpy.typing import NDArray

from consumer.detector.metrics import DetectorMetrics, Trigger
from consumer.detector.source import InputRecord
from events.errors import Reason

Place = tuple[str, int]
"""A topic's name and a partition's number."""


@dataclass(slots=True)
class Account:
    """What was done with the records of one partition, for the journal.

    Attributes:
        scored: transactions that the model was given.
        refused: records that became dead letters.
        digest: as in `events.messages.JournalEntry`.
    """

    scored: int = 0
    refused: int = 0
    digest: int = 0


@dataclass(slots=True)
class Pending:
    """Batches that were read and scored, and are not committed yet.

    Attributes:
        firsts: by partition, the first offset read since the last commit: where to rewind to.
        nexts: by partition, the offset after the last one read: what to commit.
        accounts: by partition, what was done with its records; only where a journal is kept.
        messages: records read, by topic.
        sizes: records in each batch.
        triggers: batches by what ended them.
        dead_letters: records refused, by reason.
        scores: of each batch, float32 [n].
        scoring_latencies: of each batch, event time to scored in seconds, float64 [n].
        flagged_event_times: event times of what was flagged, seconds since the epoch.
        flagged_amounts: the money behind each of those.
        samples: as `consumer.detector.drift.Drift.sample` took them.
    """

    firsts: dict[Place, int] = field(default_factory=dict)
    nexts: dict[Place, int] = field(default_factory=dict)
    accounts: defaultdict[Place, Account] = field(default_factory=lambda: defaultdict(Account))
    messages: Counter[str] = field(default_factory=Counter)
    sizes: list[int] = field(default_factory=list)
    triggers: Counter[Trigger] = field(default_factory=Counter)
    dead_letters: Counter[Reason] = field(default_factory=Counter)
    scores: list[NDArray[np.float32]] = field(default_factory=list)
    scoring_latencies: list[NDArray[np.float64]] = field(default_factory=list)
    flagged_event_times: list[float] = field(default_factory=list)
    flagged_amounts: list[float] = field(default_factory=list)
    samples: list[NDArray[np.float32]] = field(default_factory=list)

    def __bool__(self) -> bool:
        """Whether there is anything to commit."""
        return bool(self.nexts)

    def read(self, messages: Sequence[InputRecord]) -> None:
        """Take note of how far a batch, n > 0 records of one topic, reaches in each partition."""
        self.sizes.append(len(messages))
        # A dictionary keeps what comes last: here each partition's last record, and here its first.
        lasts = {message.partition(): message for message in messages}
        firsts = {message.partition(): message for message in reversed(messages)}
        for partition, last in lasts.items():
            place = (last.topic(), partition)
            self.nexts[place] = last.offset() + 1
            self.firsts.setdefault(place, firsts[partition].offset())
        self.messages[messages[0].topic()] += len(messages)

    def to_commit(self) -> list[TopicPartition]:
        """Return the next-to-read offset of each partition."""
        return [TopicPartition(*place, offset) for place, offset in self.nexts.items()]

    def to_rewind(self) -> list[TopicPartition]:
        """Return where each partition has to be read from again."""
        return [TopicPartition(*place, offset) for place, offset in self.firsts.items()]

    def forget(self, partitions: Iterable[TopicPartition]) -> None:
        """Drop partitions that are no longer ours: their next owner reads them again."""
        for partition in partitions:
            place = (partition.topic, partition.partition)
            self.firsts.pop(place, None)
            self.nexts.pop(place, None)

    def tell(self, metrics: DetectorMetrics, *, now: float) -> None:
        """Add what was committed to the metrics.

        Args:
            metrics: where to.
            now: when the commit was acknowledged, seconds since the epoch.
        """
        for topic, count in self.messages.items():
            metrics.messages.labels(topic).inc(count)
        for trigger, count in self.triggers.items():
            metrics.batches[trigger].inc(count)
        for reason, count in self.dead_letters.items():
            metrics.dead_letters[reason].inc(count)
        metrics.batch_size.observe(self.sizes)
        for scores, latencies in zip(self.scores, self.scoring_latencies, strict=True):
            metrics.scored.inc(len(scores))
            metrics.score.observe(scores)
            metrics.scoring_latency.observe(latencies)
        metrics.alerts.inc(len(self.flagged_event_times))
        metrics.detection_latency.observe(now - np.asarray(self.flagged_event_times))
        metrics.alert_amount.observe(self.flagged_amounts)
        metrics.drift.add(self.samples)
