"""What ends a consumer, besides the errors of `kafkaio.errors`.

ConsumerError
├── AddressError               the address for metrics and health cannot be bound
│   └── AddressInUseError      because its port is taken
├── CommitError                results or offsets could not be committed, for good
├── OffsetOrderError           a partition's offsets did not rise
├── ScoreNotFiniteError        the model returned a score that is not a finite number
├── RecordsLostError           records cannot be read, and the detector is to stop then
├── TooManyDeadLettersError    nearly every record is rejected: likely a wrong configuration
├── DeadLetterNotFoundError    no dead letter has the given partition and offset
└── StillRejectedError         a dead letter to be requeued would be rejected again
"""

from errors import FraudstreamError


class ConsumerError(FraudstreamError):
    """Root of this package's errors."""


class AddressError(ConsumerError):
    """The address for metrics and health cannot be bound."""


class AddressInUseError(AddressError):
    """The port for metrics and health is taken."""


class CommitError(ConsumerError):
    """Results or offsets cannot be committed: this process cannot continue, a new one can."""

    exit_code = 1


class OffsetOrderError(ConsumerError):
    """A partition's offsets did not rise: continuing would count records twice."""

    exit_code = 1


class ScoreNotFiniteError(ConsumerError):
    """The model returned a score that is not a finite number: it would flag nothing."""

    exit_code = 1


class RecordsLostError(ConsumerError):
    """Records cannot be read any more, and the detector is to stop rather than continue after."""


class TooManyDeadLettersError(ConsumerError):
    """So many records were rejected that continuing would drain the stream into dead letters."""


class DeadLetterNotFoundError(ConsumerError):
    """No dead letter has the given partition and offset."""


class StillRejectedError(ConsumerError):
    """A dead letter would be rejected again, and the requeue was told to stop at such a one."""

    exit_code = 1
