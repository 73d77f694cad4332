"""The counts of a replay."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """The counts of a replay.

    Attributes:
        sent: transactions given to the Kafka client.
        delivered: transactions that Kafka confirmed.
        failed: transactions that were not delivered.
        labels_sent: labels given to the Kafka client.
        labels_delivered: labels that Kafka confirmed.
        seconds: from the first row to the last confirmation.
    """

    sent: int
    delivered: int
    failed: int
    labels_sent: int
    labels_delivered: int
    seconds: float

    @property
    def rate(self) -> float:
        """Transactions delivered per second."""
        return self.delivered / self.seconds if self.seconds else 0.0
