"""The metrics of the quality monitor."""

from prometheus_client import CollectorRegistry, Counter

from consumer.quality.label_join import Outcome


class QualityMetrics:
    """The metrics that the quality monitor exports."""

    def __init__(self, registry: CollectorRegistry) -> None:
        labels = Counter(
            "fraud_labels_total",
            "Labels that arrived, by the outcome of their transaction.",
            ["outcome"],
            registry=registry,
        )
        self.labels = {outcome: labels.labels(outcome) for outcome in Outcome}
        amount = Counter(
            "fraud_amount_total",
            "Money behind each outcome, in the data's currency.",
            ["outcome"],
            registry=registry,
        )
        self.amount = {outcome: amount.labels(outcome) for outcome in Outcome}
