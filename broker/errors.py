"""What can go wrong around the embedded broker and the topics.

BrokerError
├── JarsError        Kafka's jars cannot be had, or are not those of the lock
├── StartError       the broker cannot start: port taken, folder not usable or in use
│   └── EndedError   Kafka ended on its own or does not answer; exit code 1
└── TopicsError      topics cannot be created, read or deleted on a Kafka
    └── NoAnswerError  because it does not answer, or does not let us in
"""

from typing import Any

NOT_INSTALLED = (
    "The embedded Kafka is not installed: install fraudstream[broker], "
    "or name a Kafka that is already there with --broker HOST:PORT."
)


class BrokerError(Exception):
    """Root of this package's errors; `exit_code` is what a command ends with."""

    exit_code = 2


class JarsError(BrokerError):
    """Kafka's jars cannot be had, or are not those of the lock."""


class StartError(BrokerError):
    """The broker cannot start: port taken, folder not usable or in use."""


class EndedError(StartError):
    """Kafka ended on its own or does not answer."""

    exit_code = 1


class TopicsError(BrokerError):
    """Topics cannot be created, read or deleted on a Kafka."""


class NoAnswerError(TopicsError):
    """Kafka does not answer, or does not let us in.

    Attributes:
        heard: librdkafka's `KafkaError` of why it does not, where it told one.
    """

    heard: Any = None
