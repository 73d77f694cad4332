"""What ends a consumer.

ConsumerError            a user's mistake or a setting that does not fit
├── AddressInUseError    the metrics port is taken
├── TopicMissingError    a topic that must be there is not
├── BrokerAwayError      Kafka does not answer, for longer than the limit
├── DeliveryError        Kafka refused for good what had to be written or committed
└── TooManyDeadLettersError   nearly everything is unreadable, so the configuration is wrong
"""


class ConsumerError(Exception):
    """Root of this package's errors; `exit_code` is what a command ends with."""

    exit_code = 2


class AddressInUseError(ConsumerError):
    """The address for metrics and health cannot be bound."""


class TopicMissingError(ConsumerError):
    """A topic that must be there is not."""


class BrokerAwayError(ConsumerError):
    """Kafka did not answer for longer than the limit: let the orchestrator restart us."""

    exit_code = 1


class DeliveryError(ConsumerError):
    """A fatal error of a Kafka client: this process cannot go on, a new one can."""

    exit_code = 1
