"""Noticing that Kafka is away, saying so, waiting with backoff, giving up after a limit."""

import logging
import time
from collections.abc import Callable, Sequence

from confluent_kafka import Consumer, KafkaError, KafkaException

from consumer.errors import BrokerAwayError, ConsumerError, TopicMissingError

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


class Availability:
    """Whether Kafka answers, as the clients' error callbacks and our own probes tell.

    Args:
        broker: the address, for messages.
        limit: seconds after which `BrokerAwayError` is raised.
        clock: monotonic seconds.

    Attributes:
        outages: how often Kafka was thought to be away and answered again.
    """

    def __init__(
        self, broker: str, *, limit: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._broker = broker
        self._limit = limit
        self._clock = clock
        self.outages = 0
        self._away_since: float | None = None
        self._next_probe = 0.0
        self._pause = BACKOFF_SECONDS[0]
        self._refusal: str | None = None

    def on_error(self, error: KafkaError) -> None:
        """Hear a client's error: to be given to it as `error_cb`."""
        if error.code() in _REFUSED:
            self._refusal = error.str()
        elif error.code() in _AWAY:
            self._suspect()

    def check(self, consumer: Consumer) -> None:
        """Probe Kafka when it is thought to be away; cheap when it is not.

        Raises:
            BrokerAwayError: when it has been away for longer than the limit.
            ConsumerError: when it answered, and refused us.
        """
        if self._refusal is not None:
            raise ConsumerError(
                f"Kafka at {self._broker} refuses the connection: {self._refusal}. "
                "Check the security settings."
            )
        if self._away_since is None or self._clock() < self._next_probe:
            return
        try:
            consumer.list_topics(timeout=PROBE_SECONDS)
        except KafkaException:
            self._still_away(self._clock() - self._away_since)
        else:
            away = self._clock() - self._away_since
            self._away_since = None
            self.outages += 1
            if away > PROBE_SECONDS:
                logger.info("Kafka at %s answers again after %.1f s.", self._broker, away)

    def reachable(self, consumer: Consumer, *, stopped: Callable[[], bool]) -> bool:
        """Block while Kafka is thought to be away; return False if `stopped` said so before.

        Raises:
            BrokerAwayError, ConsumerError: as `check`.
        """
        self.check(consumer)
        while self._away_since is not None:
            if stopped():
                return False
            time.sleep(LOOK_SECONDS)
            self.check(consumer)
        return True

    def connect(self, consumer: Consumer, *, stopped: Callable[[], bool]) -> bool:
        """Block until Kafka answers for the first time; return False if `stopped` before.

        Raises:
            BrokerAwayError, ConsumerError: as `check`.
        """
        self._suspect()
        consumer.poll(LOOK_SECONDS)  # lets error callbacks tell why a connection is refused
        return self.reachable(consumer, stopped=stopped)

    def _suspect(self) -> None:
        if self._away_since is None:
            self._away_since = self._clock()
            self._next_probe = self._away_since
            self._pause = BACKOFF_SECONDS[0]

    def _still_away(self, away: float) -> None:
        if away >= self._limit:
            raise BrokerAwayError(
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


def require_topics(
    consumer: Consumer, topics: Sequence[str], broker: str, *, stopped: Callable[[], bool]
) -> None:
    """See that the topics are there before anything is read, or `stopped`.

    Waits a little for them: where everything is started at once, they may come a moment later.

    Raises:
        TopicMissingError: naming those that are not there.
        BrokerAwayError: if Kafka does not answer within ten seconds.
    """
    deadline = time.monotonic() + TOPICS_SECONDS
    while not stopped():
        try:
            known = consumer.list_topics(timeout=10).topics
        except KafkaException as error:
            raise BrokerAwayError(
                f"Kafka at {broker} does not answer: {error.args[0].str()}."
            ) from error
        missing = [topic for topic in topics if topic not in known]
        if not missing:
            return
        if time.monotonic() > deadline:
            raise TopicMissingError(
                f"Kafka at {broker} has no topic {' and no topic '.join(missing)}; "
                "create what is missing with 'fraudstream topics create'."
            )
        consumer.poll(LOOK_SECONDS)
