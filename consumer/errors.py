"""What ends a consumer.

ConsumerError                  a user's mistake or a setting that does not fit
├── AddressInUseError          the metrics port is taken
├── TopicMissingError          a topic that must be there is not
├── RightMissingError          Kafka does not let this user do what must be done
├── BrokerAwayError            Kafka does not answer, for longer than the limit
├── DeliveryError              Kafka refused for good what had to be written or committed
├── TooManyDeadLettersError    nearly everything is unreadable, so the configuration is wrong
├── NoDeadLetterError          at that place of the dead-letter topic there is none
└── StillRefusedError          a dead letter that was to be put back still cannot be read
"""


class ConsumerError(Exception):
    """Root of this package's errors; `exit_code` is what a command ends with."""

    exit_code = 2


class AddressInUseError(ConsumerError):
    """The address for metrics and health cannot be bound."""


class TopicMissingError(ConsumerError):
    """A topic that must be there is not."""


class RightMissingError(ConsumerError):
    """Kafka does not let this user do what must be done; the message names right and resource."""


class BrokerAwayError(ConsumerError):
    """Kafka did not answer for longer than the limit: let the orchestrator restart us."""

    exit_code = 1


class DeliveryError(ConsumerError):
    """A fatal error of a Kafka client: this process cannot go on, a new one can."""

    exit_code = 1


class TooManyDeadLettersError(ConsumerError):
    """So much could not be read that going on would drain the stream into dead letters."""


class NoDeadLetterError(ConsumerError):
    """There is no dead letter at the place that was asked for."""


class StillRefusedError(ConsumerError):
    """A dead letter still cannot be read, and the replay was told to stop at such a one."""

    exit_code = 1
