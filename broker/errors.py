"""Errors of the embedded broker.

BrokerError
├── JarsError                  Kafka's jars are unusable
│   └── JarsUnavailableError   a jar cannot be downloaded, or does not match the lock
└── StartError                 the broker cannot start
    ├── NotInstalledError      the extra `broker` is not installed
    ├── PortTakenError         the port cannot be bound
    ├── FolderInUseError       another broker uses the data folder
    └── BrokerExitedError      Kafka exited on its own or does not answer
"""

from errors import FraudstreamError


class BrokerError(FraudstreamError):
    """Root of this package's errors."""


class JarsError(BrokerError):
    """Kafka's jars are unusable: the lock is incomplete, or the cache cannot be written."""


class JarsUnavailableError(JarsError):
    """A jar cannot be downloaded, or does not match the lock."""


class StartError(BrokerError):
    """The broker cannot start: port taken, folder unusable or in use."""


class NotInstalledError(StartError):
    """The extra `broker`, which contains the JVM and the downloader, is not installed."""

    def __init__(self) -> None:
        super().__init__("The embedded Kafka is not installed: install fraudstream[broker].")


class PortTakenError(StartError):
    """The requested port cannot be bound."""


class FolderInUseError(StartError):
    """Another broker holds the lock on the data folder."""


class BrokerExitedError(StartError):
    """Kafka exited on its own or does not answer."""

    exit_code = 1
