"""Hints for users of the command line: what to type after an error.

Library packages do not mention commands or options; this module adds them to their errors.
"""

from broker.errors import FolderInUseError, JarsUnavailableError, PortTakenError
from consumer.errors import (
    AddressError,
    CommitError,
    DeadLetterNotFoundError,
    StillRejectedError,
    TooManyDeadLettersError,
)
from dataset.errors import DownloadError, FileMissingError, TwinParametersError, WriteError
from errors import FraudstreamError
from kafkaio.errors import (
    BrokerUnavailableError,
    BrokerUnreachableError,
    ClientFailedError,
    ConnectionRejectedError,
    SettingsError,
    TooFewPartitionsError,
    TopicMissingError,
)
from model.errors import ArtifactMissingError, GpuInUseError, NoGpuError

HINTS: dict[type[FraudstreamError], str] = {
    AddressError: "`--metrics HOST:PORT` chooses another address; port 0 picks a free one.",
    ArtifactMissingError: "`fraudstream train --model FOLDER` trains a model and writes its artifact.",
    BrokerUnavailableError: "`fraudstream detect --broker-timeout SECONDS` waits longer for Kafka.",
    BrokerUnreachableError: "`--broker HOST:PORT` names another Kafka; `fraudstream broker --port "
    "9092` starts one on this machine.",
    ClientFailedError: "Run the command again; the services continue from their last commit.",
    CommitError: "Run the command again; it continues from the last commit.",
    ConnectionRejectedError: "`--kafka NAME=VALUE` and `--kafka-config FILE` set the properties "
    "of TLS and SASL; `--broker HOST:PORT` names another address.",
    DeadLetterNotFoundError: "`fraudstream dead-letters list` shows one example per reason.",
    GpuInUseError: "`--device cpu` runs the network without a GPU.",
    NoGpuError: "`--device cpu` or `--device auto` runs the network without a GPU.",
    DownloadError: "`--mirror URL` names another mirror; `fraudstream data synthesize` makes a "
    "synthetic file without a download.",
    JarsUnavailableError: "`--broker HOST:PORT` uses a Kafka that is already running.",
    FileMissingError: "`fraudstream data download` fetches the original creditcard.csv; `fraudstream "
    "data synthesize` makes a synthetic one.",
    SettingsError: "Kafka properties come from `--kafka-config FILE`, FRAUDSTREAM_KAFKA_... "
    "variables and `--kafka NAME=VALUE`.",
    FolderInUseError: "`--data DIR` chooses another folder; `--temporary` uses one that is removed "
    "at the end.",
    PortTakenError: "`--port` chooses another port; without it, a free one is picked.",
    StillRejectedError: "`--on-error requeue` writes such dead letters to the end of their topic; "
    "`--on-error drop` skips them.",
    TooManyDeadLettersError: "`fraudstream dead-letters list` counts the reasons; "
    "`--dead-letters-in-a-row` and `--dead-letter-ratio` set the limits, and 0 disables them.",
    TooFewPartitionsError: "`--no-journal` runs without the journal.",
    TopicMissingError: "`fraudstream topics create` creates the topics; give it the same "
    "`--topic-prefix`.",
    TwinParametersError: "`fraudstream data fit` writes such a file.",
    WriteError: "`--out` chooses another place.",
}


def hint_for(error: FraudstreamError) -> str | None:
    """Return the error's own hint, or else that of its class or closest base class."""
    if error.hint:
        return error.hint
    return next((HINTS[kind] for kind in type(error).__mro__ if kind in HINTS), None)
