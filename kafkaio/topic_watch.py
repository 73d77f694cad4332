"""Watches the id of a topic, which tells a recreated topic from the one of the same name."""

import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import suppress
from typing import Any

from confluent_kafka import KafkaException, TopicCollection

from kafkaio.clients import make_admin
from kafkaio.error_codes import TOPIC_MISSING
from kafkaio.settings import KafkaSettings

# librdkafka fetches by topic id. When a topic is deleted, its fetch fails at once; half a second
# later (fetch.error.backoff.ms) it fetches again, at the old position, from whichever topic has
# the name by then, and reports nothing. An answer that is younger than that, with some margin,
# proves that all records in the client's queue are of the topic that it names.
INTERVAL_SECONDS = 0.2
FRESH_SECONDS = 0.35

# A blocking look takes a millisecond. An answer that takes longer is not waited for: the loop goes
# on, and takes it at the next turn.
WAIT_SECONDS = 0.1


class TopicWatch:
    """Asks Kafka for the topic's id several times a second, without blocking.

    Args:
        settings: how to reach Kafka.
        topic: its name.
        clock: monotonic seconds.

    Raises:
        SettingsError: if a Kafka property is not accepted.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        topic: str,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        # Errors of its connection are those of the other clients, which report them.
        self._admin = make_admin({"log_level": 0, **settings.client()})
        self._topic = topic
        self._clock = clock
        self._answer: Future[Any] | None = None
        self._asked = float("-inf")
        self._known_since = float("-inf")
        self._id: str | None = None

    def look(self) -> str | None:
        """Return the topic's id, None while it is not known; block for `WAIT_SECONDS` at most.

        A topic that is deleted keeps its id here until another one has its name.
        """
        self._take_answer(0.0)
        if self._answer is None and self._clock() - self._asked >= INTERVAL_SECONDS:
            self._ask()
        if self._clock() - self._known_since > FRESH_SECONDS:
            if self._answer is None:
                self._ask()
            self._take_answer(WAIT_SECONDS)
        return self._id

    def confirm(self) -> str | None:
        """Return the topic's id as it is now; None if Kafka does not answer within a second."""
        asked = self._ask()
        self._take_answer(1.0)
        return self._id if self._known_since >= asked else None

    def _ask(self) -> float:
        self._admin.poll(0)  # renews an OAuth token
        self._asked = self._clock()
        topics = TopicCollection([self._topic])
        self._answer = self._admin.describe_topics(topics, request_timeout=5.0)[self._topic]
        return self._asked

    def _take_answer(self, wait: float) -> None:
        if self._answer is None or (wait == 0.0 and not self._answer.done()):
            return
        with suppress(FutureTimeoutError):
            answer, asked = self._answer, self._asked
            try:
                self._id = str(answer.result(wait).topic_id)
            except KafkaException as error:
                if error.args[0].code() in TOPIC_MISSING:
                    self._asked = float("-inf")  # ask again at once: it may be created any moment
            else:
                self._known_since = asked
            self._answer = None
