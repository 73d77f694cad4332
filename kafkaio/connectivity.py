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

    Before the first answer a rejected connection is a mistake in the settings, and is raised. After
    it the settings are known to work: the same rejection is an outage, such as that of a login
    server, a load balancer, or one broker's certificate.

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
        self._is_connecting = False
        self._has_answered = False
        self._away_since: float | None = None
        self._is_connection_lost = False
        self._next_probe = 0.0
        self._pause = BACKOFF_SECONDS[0]
        self._rejection: KafkaError | None = None

    def on_error(self, error: KafkaError) -> None:
        """Take a client's error; pass this method to clients as `error_cb`."""
        if error.code() in CONNECTION_REJECTED:
            self._rejection = error
            self._suspect()
        elif error.code() in BROKER_AWAY:
            self._is_connection_lost = True
            self._suspect()

    def check(self, client: Client) -> None:
        """Probe Kafka if an outage is suspected; costs nothing otherwise.

        Raises:
            BrokerUnavailableError: if Kafka has been away for longer than the limit.
            ConnectionRejectedError: if Kafka rejects the connection and has never accepted one.
        """
        if self._away_since is None or self._clock() < self._next_probe:
            return
        try:
            client.list_topics(timeout=PROBE_SECONDS)
        except KafkaException:
            client.poll(0)  # runs `on_error`, which learns why a connection is rejected
            self._is_connection_lost = True
            away = self._clock() - self._away_since
            if not self._has_answered:
                self._require_accepted(away)
            self._still_away(away)
        else:
            away = self._clock() - self._away_since
            self._away_since = self._rejection = None
            self._has_answered = True
            first, self._is_connecting = self._is_connecting, False
            if not first and away > PROBE_SECONDS:
                logger.info("Kafka at %s answers again after %.1f s.", self._broker, away)

    def wait_until_reachable(self, client: Client, *, stopped: Callable[[], bool]) -> Reachability:
        """Block while an outage is suspected, or until `stopped` returns True.

        Raises:
            BrokerUnavailableError, ConnectionRejectedError: as `check`.
        """
        self.check(client)
        while self._away_since is not None:
            if stopped():
                return Reachability.STOPPED
            time.sleep(LOOK_SECONDS)
            self.check(client)
        # A rejection by one of several brokers breaks no connection.
        was_lost, self._is_connection_lost = self._is_connection_lost, False
        return Reachability.RECOVERED if was_lost else Reachability.REACHABLE

    def connect(self, client: Client, *, stopped: Callable[[], bool]) -> bool:
        """Block until Kafka answers for the first time; return False if `stopped` before.

        Raises:
            BrokerUnavailableError, ConnectionRejectedError: as `check`.
        """
        self._is_connecting = True
        self._suspect()
        return self.wait_until_reachable(client, stopped=stopped) is not Reachability.STOPPED

    def _require_accepted(self, tried: float) -> None:
        rejection = self._rejection
        sentence = self._why(rejection, tried=tried if rejection is None else 0.0)
        if sentence is None and rejection is not None:
            sentence = (
                f"Kafka at {self._broker} rejects the connection: {rejection.str()}. "
                "Check the security settings."
            )
        if sentence is not None:
            raise ConnectionRejectedError(sentence)

    def _suspect(self) -> None:
        if self._away_since is None:
            self._away_since = self._clock()
            self._next_probe = self._away_since
            self._pause = BACKOFF_SECONDS[0]

    def _still_away(self, away: float) -> None:
        why = "does not answer"
        if self._rejection is not None:
            why = f"rejects the connection ({self._rejection.str()})"
        if away >= self._limit:
            state = f"has not answered for {away:.0f} s"
            if self._rejection is not None:
                state = f"has rejected connections for {away:.0f} s ({self._rejection.str()})"
            raise BrokerUnavailableError(f"Kafka at {self._broker} {state}; giving up.")
        logger.warning(
            "Kafka at %s %s; trying again for %.0f s.", self._broker, why, self._limit - away
        )
        self._rejection = None  # it may be away for another reason next time
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
