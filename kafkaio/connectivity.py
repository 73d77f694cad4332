"""Connecting to Kafka, and waiting for it while it is away."""

import logging
import time
from collections.abc import Callable
from enum import Enum, auto
from typing import Any, Protocol

from confluent_kafka import KafkaError, KafkaException

from kafkaio.error_codes import ALL_BROKERS_DOWN, BROKER_AWAY, CONNECTION_REJECTED
from kafkaio.errors import (
    BrokerUnavailableError,
    BrokerUnreachableError,
    ConnectionRejectedError,
)
from kafkaio.settings import KafkaSettings
from kafkaio.tls_probe import explain_failure

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.1
PROBE_SECONDS = 1.0
BACKOFF_SECONDS = (0.5, 2.0)  # the first pause between two probes, and the longest


class Client(Protocol):
    """The part of a Kafka client that probing needs; consumers, producers and admins have it."""

    def list_topics(self, *, timeout: float) -> Any:
        """Fetch the cluster's metadata.

        Raises:
            KafkaException: if Kafka does not answer in time.
        """

    def poll(self, timeout: float, /) -> Any:
        """Run the client's callbacks."""


class ExplainFailure(Protocol):
    """Explains why a connection fails."""

    def __call__(self, error: KafkaError | None, /, *, tried: float) -> str | None:
        """Return a sentence for the user; None where the reason is not known."""


def unknown(_error: KafkaError | None, *, tried: float) -> None:
    """Return no explanation."""


class Reachability(Enum):
    """How a wait for Kafka ended."""

    REACHABLE = auto()
    """Kafka answers, and no outage was noticed."""

    RECOVERED = auto()
    """Kafka answers again after an outage; clients with state at the broker need a fresh start."""

    STOPPED = auto()
    """The wait was stopped before Kafka answered."""


class Connectivity:
    """Tracks whether Kafka answers, by the errors of clients and by probes.

    Args:
        broker: the address, for messages.
        limit: seconds without an answer after which `BrokerUnavailableError` is raised.
        why: explains a connection that fails, as `kafkaio.tls_probe.explain_failure` does.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        broker: str,
        *,
        limit: float,
        why: ExplainFailure = unknown,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._broker = broker
        self._limit = limit
        self._why = why
        self._clock = clock
        self._connecting = False
        self._away_since: float | None = None
        self._next_probe = 0.0
        self._pause = BACKOFF_SECONDS[0]
        self._rejection: KafkaError | None = None

    def on_error(self, error: KafkaError) -> None:
        """Take a client's error; pass this method to clients as `error_cb`."""
        if error.code() in CONNECTION_REJECTED:
            self._rejection = error
        elif error.code() in BROKER_AWAY:
            self._suspect()

    def check(self, client: Client) -> None:
        """Probe Kafka if an outage is suspected; costs nothing otherwise.

        Raises:
            BrokerUnavailableError: if Kafka has been away for longer than the limit.
            ConnectionRejectedError: if Kafka rejects the connection.
        """
        self._require_accepted()
        if self._away_since is None or self._clock() < self._next_probe:
            return
        try:
            client.list_topics(timeout=PROBE_SECONDS)
        except KafkaException:
            if self._connecting:
                client.poll(0)  # runs `on_error`, which learns why a connection is rejected
                self._require_accepted()
                if sentence := self._why(None, tried=self._clock() - self._away_since):
                    raise ConnectionRejectedError(sentence) from None
            self._still_away(self._clock() - self._away_since)
        else:
            away = self._clock() - self._away_since
            self._away_since = None
            first, self._connecting = self._connecting, False
            if not first and away > PROBE_SECONDS:
                logger.info("Kafka at %s answers again after %.1f s.", self._broker, away)

    def wait_until_reachable(self, client: Client, *, stopped: Callable[[], bool]) -> Reachability:
        """Block while an outage is suspected, or until `stopped` returns True.

        Raises:
            BrokerUnavailableError, ConnectionRejectedError: as `check`.
        """
        was_away = self._away_since is not None
        self.check(client)
        while self._away_since is not None:
            if stopped():
                return Reachability.STOPPED
            time.sleep(LOOK_SECONDS)
            self.check(client)
        return Reachability.RECOVERED if was_away else Reachability.REACHABLE

    def connect(self, client: Client, *, stopped: Callable[[], bool]) -> bool:
        """Block until Kafka answers for the first time; return False if `stopped` before.

        Raises:
            BrokerUnavailableError, ConnectionRejectedError: as `check`.
        """
        self._connecting = True
        self._suspect()
        return self.wait_until_reachable(client, stopped=stopped) is not Reachability.STOPPED

    def _require_accepted(self) -> None:
        if self._rejection is not None:
            raise ConnectionRejectedError(
                self._why(self._rejection, tried=0.0)
                or f"Kafka at {self._broker} rejects the connection: {self._rejection.str()}. "
                "Check the security settings."
            )

    def _suspect(self) -> None:
        if self._away_since is None:
            self._away_since = self._clock()
            self._next_probe = self._away_since
            self._pause = BACKOFF_SECONDS[0]

    def _still_away(self, away: float) -> None:
        if away >= self._limit:
            raise BrokerUnavailableError(
                f"Kafka at {self._broker} has not answered for {away:.0f} s; giving up."
            )
        logger.warning(
            "Kafka at %s does not answer; trying again for %.0f s.",
            self._broker,
            self._limit - away,
        )
        self._next_probe = self._clock() + min(self._pause, self._limit - away)
        self._pause = min(2 * self._pause, BACKOFF_SECONDS[1])


class ClientErrors:
    """Keeps the errors that explain a failed connection; pass it to a client as `error_cb`.

    Attributes:
        rejection: why Kafka rejects the connection; None while it does not.
        last: the last error that says more than that no broker is connected.
    """

    def __init__(self) -> None:
        self.rejection: KafkaError | None = None
        self.last: KafkaError | None = None

    def __call__(self, error: KafkaError) -> None:
        """Keep an error."""
        if error.code() in CONNECTION_REJECTED:
            self.rejection = error
        if error.code() != ALL_BROKERS_DOWN:
            self.last = error


def wait_for_first_answer(
    attempt: Callable[[], object],
    client: Client,
    settings: KafkaSettings,
    errors: ClientErrors,
    *,
    patience: float,
    stopped: Callable[[], bool] = lambda: False,
    clock: Callable[[], float] = time.monotonic,
) -> bool:
    """Repeat an attempt until Kafka answers it; return False if `stopped` before.

    Args:
        attempt: asks Kafka something, and raises `KafkaException` while there is no answer.
        client: the one that `attempt` uses.
        settings: how to reach Kafka.
        errors: the client's.
        patience: seconds to wait for an answer.
        stopped: polled before each attempt.
        clock: monotonic seconds.

    Raises:
        ConnectionRejectedError: at once, if Kafka rejects the connection.
        BrokerUnreachableError: if Kafka does not answer in time.
    """
    started = clock()
    while not stopped():
        try:
            attempt()
        except KafkaException as error:
            client.poll(0)  # runs `errors`, which learns the cause
            tried = clock() - started
            if sentence := explain_failure(settings, errors.rejection, tried=tried):
                raise ConnectionRejectedError(sentence) from error
            if tried >= patience:
                # Without how long it took and in which state, which help no user.
                cause = (errors.last or error.args[0]).str().partition(" (after ")[0]
                raise BrokerUnreachableError(
                    f"Kafka at {settings.broker} does not answer: {cause.rstrip('.')}."
                ) from error
        else:
            return True
    return False
