"""Noticing that Kafka is away, saying so, waiting with backoff, giving up after a limit."""

import logging
import time
from collections.abc import Callable, Sequence
from enum import Enum, auto
from typing import Any, Protocol

from confluent_kafka import KafkaError, KafkaException

from kafkaio.errors import (
    BrokerUnavailableError,
    ConnectionRejectedError,
    PermissionMissingError,
    TopicMissingError,
)
from kafkaio.permissions import Permission, PermissionCheck, explain_missing
from kafkaio.settings import KafkaSettings

logger = logging.getLogger(__name__)

_AWAY = {
    KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001 - librdkafka's local codes are spelled so
    KafkaError._TRANSPORT,  # noqa: SLF001
    KafkaError._RESOLVE,  # noqa: SLF001
}
_REFUSED = {
    KafkaError._AUTHENTICATION,  # noqa: SLF001
    KafkaError._SSL,  # noqa: SLF001
}

TOPICS_SECONDS = 5.0
LOOK_SECONDS = 0.1
PROBE_SECONDS = 1.0
BACKOFF_SECONDS = (0.5, 2.0)  # the first pause between two probes, and the longest


class ExplainFailure(Protocol):
    """Tells why a connection does not come about."""

    def __call__(self, error: KafkaError | None, /, *, tried: float) -> str | None:
        """Return a sentence for the user; None where the reason is not known."""


def unknown(_error: KafkaError | None, *, tried: float) -> None:
    """Know no reason."""


class Client(Protocol):
    """The part of a Kafka client that probing needs; consumers, producers and admins have it."""

    def list_topics(self, *, timeout: float) -> Any:
        """Fetch the cluster's metadata.

        Raises:
            KafkaException: if Kafka does not answer in time.
        """

    def poll(self, timeout: float, /) -> Any:
        """Run the client's callbacks."""


class Reachability(Enum):
    """How a wait for Kafka ended."""

    REACHABLE = auto()
    """Kafka answers, and did so all the time."""

    RECOVERED = auto()
    """Kafka answers again after an outage: its clients may have to be opened again."""

    STOPPED = auto()
    """The wait was stopped before Kafka answered."""


class Connectivity:
    """Whether Kafka answers, as the clients' error callbacks and our own probes tell.

    Args:
        broker: the address, for messages.
        limit: seconds after which `BrokerUnavailableError` is raised.
        why: returns what to do about a connection that does not come about, as
            `kafkaio.tls_probe.explain_failure` does; None where that is not known.
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
        self._refusal: KafkaError | None = None

    def on_error(self, error: KafkaError) -> None:
        """Hear a client's error: to be given to it as `error_cb`."""
        if error.code() in _REFUSED:
            self._refusal = error
        elif error.code() in _AWAY:
            self._suspect()

    def check(self, client: Client) -> None:
        """Probe Kafka when it is thought to be away; cheap when it is not.

        Raises:
            BrokerUnavailableError: when it has been away for longer than the limit.
            ConnectionRejectedError: when it answered, and refused us.
        """
        self._require_welcome()
        if self._away_since is None or self._clock() < self._next_probe:
            return
        try:
            client.list_topics(timeout=PROBE_SECONDS)
        except KafkaException:
            if self._connecting:
                client.poll(0)  # lets error callbacks tell why a connection is refused
                self._require_welcome()
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
        """Block while Kafka is thought to be away, or until `stopped` returns True.

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

    def _require_welcome(self) -> None:
        if self._refusal is not None:
            raise ConnectionRejectedError(
                self._why(self._refusal, tried=0.0)
                or f"Kafka at {self._broker} refuses the connection: {self._refusal.str()}. "
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
                f"Kafka at {self._broker} has not answered for {away:.0f} s; giving up. "
                "Is it running, and is the address right (--broker HOST:PORT)?"
            )
        logger.warning(
            "Kafka at %s does not answer; trying again for %.0f s.",
            self._broker,
            self._limit - away,
        )
        self._next_probe = self._clock() + min(self._pause, self._limit - away)
        self._pause = min(2 * self._pause, BACKOFF_SECONDS[1])


def require_permissions(
    settings: KafkaSettings,
    rights: Sequence[Permission],
    *,
    stopped: Callable[[], bool],
    patience: float = TOPICS_SECONDS,
) -> None:
    """See that topics are there and may be used before anything is begun, or `stopped`.

    Args:
        settings: how to reach Kafka.
        rights: what is to be done with topics and groups.
        stopped: asked several times a second.
        patience: seconds to wait for topics: where everything is started at once, they may come a
            moment later.

    Raises:
        TopicMissingError: naming those that are not there.
        PermissionMissingError: naming what Kafka does not let us do.
        BrokerUnavailableError: if Kafka does not answer within ten seconds.
    """
    deadline = time.monotonic() + patience
    asking = PermissionCheck(settings)
    while not stopped():
        try:
            standing = asking.look(rights, timeout=10)
        except KafkaException as error:
            raise BrokerUnavailableError(
                f"Kafka at {settings.broker} does not answer: {error.args[0].str()}."
            ) from error
        if standing.lacking:
            raise PermissionMissingError(explain_missing(settings, standing.lacking))
        if not standing.missing:
            return
        if time.monotonic() >= deadline:
            raise TopicMissingError(
                f"Kafka at {settings.broker} has no topic "
                f"{' and no topic '.join(standing.missing)}; "
                "create what is missing with 'fraudstream topics create'."
            )
        time.sleep(LOOK_SECONDS)
