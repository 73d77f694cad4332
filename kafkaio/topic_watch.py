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

# An answer takes a millisecond, a few seconds on a busy machine. When a broker hangs, reading must
# not wait for it again and again: only the first missing answer is waited for. A topic that is
# recreated meanwhile may have records read twice then, since it is read from its first record.
WAIT_SECONDS = 2.0


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
        self._is_silent = False  # whether an answer was waited for in vain
        self._is_confirming = False  # whether `confirm` asked the question without an answer

    def look(self) -> str | None:
        """Return the topic's id, None while it is not known; block only if Kafka is slow.

        A topic that is deleted keeps its id here until another one has its name.
        """
        self._take_answer(0.0)
        if self._answer is None and self._clock() - self._asked >= INTERVAL_SECONDS:
            self._ask()
        if self._clock() - self._known_since > FRESH_SECONDS:
            if self._answer is None:
                self._ask()
            self._take_answer(0.0 if self._is_silent else WAIT_SECONDS)
            self._is_silent = self._answer is not None
        return self._id

    def confirm(self) -> str | None:
        """Return the topic's id as it is now; None if Kafka does not answer within a second.

        The next call waits for the same answer, however slow Kafka is.
        """
        if self._answer is None or not self._is_confirming:
            self._ask()
            self._is_confirming = True
        asked = self._asked
        self._take_answer(1.0)
        return self._id if self._known_since >= asked else None

    def _ask(self) -> None:
        self._admin.poll(0)  # renews an OAuth token
        self._asked = self._clock()
        self._is_confirming = False
        topics = TopicCollection([self._topic])
        self._answer = self._admin.describe_topics(topics, request_timeout=5.0)[self._topic]

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
