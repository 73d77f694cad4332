"""The metrics of the quality monitor."""

from prometheus_client import CollectorRegistry

from consumer.quality.label_join import Outcome
from consumer.telemetry.counters import counters_by


class QualityMetrics:
    """The metrics that the quality monitor exports."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.labels = counters_by(
            Outcome,
            "fraud_labels_total",
            "Labels that arrived, by the outcome of their transaction.",
            "outcome",
            registry,
        )
        self.amount = counters_by(
            Outcome,
            "fraud_amount_total",
            "Money behind each outcome, in the data's currency.",
            "outcome",
            registry,
        )
