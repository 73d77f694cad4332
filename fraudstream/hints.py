"""Hints for users of the command line: what to type after an error.

Library packages do not mention commands or options; this module adds them to their errors.
"""

from broker.errors import FolderInUseError, JarsUnavailableError, PortTakenError
from consumer.errors import (
    AddressError,
    CommitError,
    DeadLetterNotFoundError,
    RecordsLostError,
    ScoreNotFiniteError,
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
from model.errors import (
    ArtifactMissingError,
    CpuOnlyError,
    GpuInUseError,
    GraphMissingError,
    NoGpuError,
    StoreMissingError,
    VersionMissingError,
)

HINTS: dict[type[FraudstreamError], str] = {
    AddressError: "`--metrics HOST:PORT` chooses another address; port 0 picks a free one.",
    ArtifactMissingError: "`fraudstream train --model FOLDER` trains a model and adds it to the "
    "store in FOLDER.",
    BrokerUnavailableError: "`fraudstream detect --broker-timeout SECONDS` waits longer for Kafka.",
    BrokerUnreachableError: "`--broker HOST:PORT` names another Kafka; `fraudstream broker --port "
    "9092` starts one on this machine.",
    ClientFailedError: "Run the command again; the services continue from their last commit.",
    CommitError: "Run the command again; it continues from the last commit.",
    ConnectionRejectedError: "`--kafka NAME=VALUE` and `--kafka-config FILE` set the properties "
    "of TLS and SASL; `--broker HOST:PORT` names another address.",
    CpuOnlyError: "`--runtime keras` computes on a GPU.",
    DeadLetterNotFoundError: "`fraudstream dead-letters list` shows one example per reason.",
    DownloadError: "`--mirror URL` names another mirror; `fraudstream data synthesize` makes a "
    "synthetic file without a download.",
    FileMissingError: "`fraudstream data download` fetches the original creditcard.csv; "
    "`fraudstream data synthesize` makes a synthetic one.",
    FolderInUseError: "`--data` chooses another folder; `--temporary` uses one that is removed at "
    "the end.",
    GpuInUseError: "`--device cpu` takes effect in a new process only.",
    GraphMissingError: "`fraudstream train` writes artifacts with a graph; `--runtime keras` needs "
    "none.",
    JarsUnavailableError: "`--broker HOST:PORT` uses a Kafka that is already running.",
    NoGpuError: "`--device auto` and `--device cpu` run the network without a GPU.",
    PortTakenError: "`--port` chooses another port; without it, any free one is used.",
    ScoreNotFiniteError: "`fraudstream evaluate` checks an artifact; `fraudstream detect --model "
    "FOLDER` serves another one.",
    RecordsLostError: "`--on-gap report` reports them and continues with the records that "
    "are left.",
    SettingsError: "Kafka properties come from `--kafka-config FILE`, FRAUDSTREAM_KAFKA_... "
    "variables and `--kafka NAME=VALUE`.",
    StoreMissingError: "`fraudstream train --model FOLDER` creates a store with a first version; "
    "`fraudstream models add ARTIFACT --model FOLDER` copies an artifact into one.",
    StillRejectedError: "`--on-error requeue` moves such dead letters to the end of their topic; "
    "`--on-error drop` drops them.",
    TooFewPartitionsError: "`fraudstream detect --no-journal` runs without a journal.",
    TooManyDeadLettersError: "`fraudstream dead-letters list` counts the reasons; "
    "`--on-too-many-dead-letters report` goes on.",
    TopicMissingError: "`fraudstream topics create` creates the topics; give it the same "
    "`--topic-prefix`.",
    TwinParametersError: "`fraudstream data fit` writes the parameters of a twin.",
    VersionMissingError: "`fraudstream models list` lists the versions.",
    WriteError: "`--out` chooses another place.",
}


def hint_for(error: FraudstreamError) -> str | None:
    """Return the error's own hint, or else that of its class or closest base class."""
    if error.hint:
        return error.hint
    return next((HINTS[kind] for kind in type(error).__mro__ if kind in HINTS), None)
