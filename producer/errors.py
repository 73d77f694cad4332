"""What can go wrong with a replay, besides the errors of `kafkaio.errors`.

ProducerError
├── PaceError          a rate or speed that no clock can keep
├── RowsError          there is no row to replay
└── UndeliveredError   Kafka did not confirm everything that was sent (has the `report`)
"""

from errors import FraudstreamError
from producer.report import ReplayReport


class ProducerError(FraudstreamError):
    """Root of this package's errors."""


class PaceError(ProducerError):
    """A rate or speed that no clock can keep."""


class RowsError(ProducerError):
    """There is no row to replay."""


class UndeliveredError(ProducerError):
    """Kafka did not confirm everything that was sent.

    Attributes:
        report: what was sent and what was delivered all the same.
    """

    exit_code = 1

    def __init__(self, message: str, report: ReplayReport) -> None:
        super().__init__(message)
        self.report = report
