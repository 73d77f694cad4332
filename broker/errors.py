"""What can go wrong around the embedded broker.

BrokerError
├── JarsError            Kafka's jars cannot be fetched, or do not match the lock
└── StartError           the broker cannot start: port taken, folder not usable or in use
    └── BrokerExitedError   Kafka exited on its own or does not answer
"""

from errors import FraudstreamError

NOT_INSTALLED = "The embedded Kafka is not installed: install fraudstream[broker]."


class BrokerError(FraudstreamError):
    """Root of this package's errors."""


class JarsError(BrokerError):
    """Kafka's jars cannot be fetched, or do not match the lock."""


class StartError(BrokerError):
    """The broker cannot start: port taken, folder not usable or in use."""


class BrokerExitedError(StartError):
    """Kafka exited on its own or does not answer."""

    exit_code = 1
