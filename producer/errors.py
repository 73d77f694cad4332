"""What can go wrong with a replay.

ProducerError
├── PaceError          a rate or speed that no clock can keep
├── RowsError          there is no row to replay
├── BrokerError        Kafka does not answer, or does not take our settings, at the start
├── TopicMissingError  a topic that must be there is not
├── RightMissingError  Kafka does not let this user write to a topic
└── UndeliveredError   Kafka did not confirm everything that was sent (has the `report`)
"""

from producer.report import ReplayReport


class ProducerError(Exception):
    """Root of this package's errors; `exit_code` is what a command ends with."""

    exit_code = 2


class PaceError(ProducerError):
    """A rate or speed that no clock can keep."""


class RowsError(ProducerError):
    """There is no row to replay."""


class BrokerError(ProducerError):
    """Kafka does not answer, or the client's settings are not accepted, at the start."""


class TopicMissingError(ProducerError):
    """A topic that must be there is not."""


class RightMissingError(ProducerError):
    """Kafka does not let this user write to a topic; the message names it."""


class UndeliveredError(ProducerError):
    """Kafka did not confirm everything that was sent.

    Attributes:
        report: what was sent and what was delivered all the same.
    """

    exit_code = 1

    def __init__(self, message: str, report: ReplayReport) -> None:
        super().__init__(message)
        self.report = report
