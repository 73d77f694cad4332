"""Errors of a replay, besides those of `kafkaio.errors`.

ProducerError
├── PaceError          a rate or speed is not a positive, finite number
├── RowsError          there is no row to replay
└── UndeliveredError   Kafka did not confirm everything that was sent (has the `report`)
"""

from errors import FraudstreamError
from producer.report import ReplayReport


class ProducerError(FraudstreamError):
    """Root of this package's errors."""


class PaceError(ProducerError):
    """A rate or speed is not a positive, finite number."""


class RowsError(ProducerError):
    """There is no row to replay."""


class UndeliveredError(ProducerError):
    """Kafka did not confirm everything that was sent.

    Attributes:
        report: how many records were sent and delivered nevertheless.
    """

    exit_code = 1

    def __init__(self, message: str, report: ReplayReport) -> None:
        super().__init__(message)
        self.report = report
