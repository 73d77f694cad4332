"""The detector's metrics: name, type, labels and help text of each.

Names and units follow Prometheus: seconds, `_total`, ratios from 0 to 1. Labels take values of
finite enums only. Children are bound once; whole batches are observed at their commit, so work
that is done again after an abort is not counted twice.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from consumer.detector.checkpoint import BatchResult
from consumer.detector.drift import Drift
from consumer.detector.event_time import EventTimeDefect
from consumer.detector.loop import CommitOutcome, RebalanceEvent, Stage
from consumer.detector.protocols import Trigger
from consumer.telemetry.counters import counters_by
from consumer.telemetry.histogram import BatchHistogram
from consumer.telemetry.late import LateGauge, LateInfo
from events.errors import Reason
from kafkaio.gaps import Gap, GapReason

# Edges on the objectives (p50 of 5 ms, p99 of 20 ms and 30 ms) and, between 0.5 ms and
# 60 s, about three edges a decade.
LATENCY_BUCKETS = (
    0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60,
)  # fmt: skip
STAGE_BUCKETS = (
    0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5,
)  # fmt: skip
BATCH_BUCKETS = tuple(float(1 << power) for power in range(15))  # 1 to 16,384
# In the data's currency, euro: half of the data set's frauds are below 10, 7 % above 500.
AMOUNT_BUCKETS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
SCORE_BUCKETS = (0.001, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1)


class DetectorMetrics:
    """The metrics that the detector exports."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.build = LateInfo(
            "fraud_build",
            "What is running: version, model_version, model_sha256, runtime, backend, device.",
            registry=registry,
        )
        self.messages = Counter(
            "fraud_messages_consumed_total",
            "Records read from Kafka and committed, by topic.",
            ["topic"],
            registry=registry,
        )
        self.scored = Counter(
            "fraud_transactions_scored_total", "Transactions scored.", registry=registry
        )
        self.alerts = Counter(
            "fraud_alerts_total",
            "Transactions flagged; over fraud_transactions_scored_total it is the flag rate.",
            registry=registry,
        )
        self.batches = counters_by(
            Trigger,
            "fraud_batches_total",
            "Micro-batches, by what ended them: no more records had arrived (drained), or full.",
            "trigger",
            registry,
        )
        self.batch_size = BatchHistogram(
            "fraud_batch_size",
            "Records in a micro-batch.",
            BATCH_BUCKETS,
            registry,
        )
        stages = Histogram(
            "fraud_stage_duration_seconds",
            "Duration of a step of the loop, once for each batch or commit.",
            ["stage"],
            buckets=STAGE_BUCKETS,
            registry=registry,
        )
        self.stages = {stage: stages.labels(stage) for stage in Stage}
        self.scoring_latency = BatchHistogram(
            "fraud_scoring_latency_seconds",
            "Event time to scored, for every transaction with a plausible event time.",
            LATENCY_BUCKETS,
            registry,
        )
        self.detection_latency = BatchHistogram(
            "fraud_detection_latency_seconds",
            "Event time to alert acknowledged (committed, when exactly-once).",
            LATENCY_BUCKETS,
            registry,
        )
        self.event_time_defects = counters_by(
            EventTimeDefect,
            "fraud_implausible_event_times_total",
            "Transactions left out of the latencies because of their event time, by reason.",
            "reason",
            registry,
        )
        self.score = BatchHistogram(
            "fraud_score",
            "Scores, 0 to 1.",
            SCORE_BUCKETS,
            registry,
        )
        self.alert_amount = BatchHistogram(
            "fraud_alert_amount",
            "Money behind each alert, in the data's currency.",
            AMOUNT_BUCKETS,
            registry,
        )
        self.drift = Drift(
            registry,
            features=(
                "fraud_feature_drift_psi",
                "Population stability index of a feature's last day against training.",
            ),
            scores=(
                "fraud_score_drift_psi",
                "Population stability index of the last day's scores against training.",
            ),
            rows=("fraud_drift_rows", "Transactions of the last day that were sampled for drift."),
        )
        self.threshold = LateGauge(
            "fraud_threshold",
            "Transactions with this score or a higher one are flagged.",
            registry=registry,
        )
        self.dead_letters = counters_by(
            Reason,
            "fraud_dead_letters_total",
            "Records rejected as dead letters, by reason.",
            "reason",
            registry,
        )
        self.lost = counters_by(
            GapReason,
            "fraud_records_lost_total",
            "Records that cannot be read any more, as far as their number is known, by reason.",
            "reason",
            registry,
        )
        self.gaps = counters_by(
            GapReason,
            "fraud_gaps_total",
            "Gaps in what was read of a partition, however many records were lost, by reason.",
            "reason",
            registry,
        )
        self.rejected_partitions = Gauge(
            "fraud_rejected_partitions",
            "Assigned partitions most of whose records are rejected: a limit is reached.",
            registry=registry,
        )
        self.adjusted = Counter(
            "fraud_records_adjusted_total",
            "Records that their topic rejected as they were, and that were written with another "
            "timestamp or cut to their beginning.",
            ["topic", "reason"],
            registry=registry,
        )
        self.commits = counters_by(
            CommitOutcome,
            "fraud_kafka_commits_total",
            "Commits of offsets, by outcome.",
            "outcome",
            registry,
        )
        self.rebalances = counters_by(
            RebalanceEvent,
            "fraud_kafka_rebalances_total",
            "Rebalances of this member of the consumer group, by event.",
            "event",
            registry,
        )
        self.lag = Gauge(
            "fraud_kafka_consumer_lag",
            "Records of an assigned partition that are not read yet, those of open transactions "
            "included.",
            ["topic", "partition"],
            registry=registry,
        )
        self._lag_places: set[tuple[str, int]] = set()
        self.ready = Gauge(
            "fraud_ready",
            "1 when the model is warm, partitions are assigned and none stands still; else 0.",
            registry=registry,
        )
        self.stalled = Gauge(
            "fraud_stalled_partitions",
            "Assigned partitions that have stood still for half a minute while records wait.",
            registry=registry,
        )
        self.last_batch = Gauge(
            "fraud_last_batch_timestamp_seconds",
            "When the last batch was processed, seconds since the epoch.",
            registry=registry,
        )

    def add(self, results: Sequence[BatchResult], *, now: float) -> None:
        """Add the results of batches that were committed.

        Args:
            results: of the batches.
            now: when their commit was acknowledged, seconds since the epoch.
        """
        for result in results:
            self.messages.labels(result.topic).inc(result.records)
            self.batches[result.trigger].inc()
            for reason in result.rejected:
                self.dead_letters[reason].inc()
            for defect, count in result.event_time_defects.items():
                self.event_time_defects[defect].inc(count)
        if not results:
            return
        # One array for all batches: at low rates, a commit covers hundreds of small ones.
        scores = np.concatenate([result.scores for result in results])
        flagged = np.concatenate([result.flagged_event_times for result in results])
        self.batch_size.observe([result.records for result in results])
        self.scored.inc(len(scores))
        self.score.observe(scores)
        self.scoring_latency.observe(np.concatenate([result.latencies for result in results]))
        amounts = np.concatenate([result.flagged_amounts for result in results])
        self.alerts.inc(len(amounts))
        self.detection_latency.observe(np.maximum(now - flagged, 0.0))
        self.alert_amount.observe(amounts)
        self.drift.add([result.drift_sample for result in results])

    def skip(self, gap: Gap) -> None:
        """Count a gap that was committed."""
        self.lost[gap.reason].inc(gap.records)
        self.gaps[gap.reason].inc()

    def set_lag(self, lags: Mapping[tuple[str, int], int]) -> None:
        """Export the lag of each (topic, partition)."""
        for place, records in lags.items():
            self.lag.labels(*place).set(records)
            self._lag_places.add(place)

    def forget_lag(self, places: Iterable[tuple[str, int]]) -> None:
        """Remove the lag of partitions that are no longer assigned."""
        for place in self._lag_places.intersection(places):
            self.lag.remove(*place)
            self._lag_places.discard(place)
