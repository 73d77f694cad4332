"""The Kafka producers: every record is counted when it is sent and again when it is confirmed."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from confluent_kafka import KafkaError, KafkaException, Producer

from events.messages import Headers
from kafkaio.errors import (
    BrokerUnreachableError,
    ConnectionRejectedError,
    PermissionMissingError,
    SettingsError,
    TopicMissingError,
)
from kafkaio.permissions import Permission, PermissionCheck, explain_missing
from kafkaio.settings import KafkaSettings
from kafkaio.tls_probe import explain_failure

# How long Kafka may take to answer at the start. A refused connection is tried again meanwhile.
ANSWER_SECONDS = 5.0

# A refused password or certificate is told after so long already.
LOOK_SECONDS = 1.0

# Single waits stay short, so that signals are heard and a progress bar moves.
POLL_SECONDS = 0.1

# A drain takes a few milliseconds; after a second a person wonders.
PATIENCE_POLLS = 10

_REQUIRED = {"enable.idempotence": True, "acks": "all"}
_DEFAULTS: dict[str, object] = {
    # Waiting for fuller batches is latency: 1.8 ms to the acknowledgement without, 2.8 ms with
    # 1 ms, 4.8 ms with the library's 5 ms (median at 5,000 a second beside the broker on two
    # cores). The first millisecond is worth it: it halves what the broker computes.
    "linger.ms": 1,
    # How long a broker may be away before what waits for it counts as not delivered.
    "delivery.timeout.ms": 60_000,
    # What waits here has its event time already: 20,000 rows are 0.2 s at 100,000 a second. The
    # library's default of 100,000 would add a second to every latency, and to a Ctrl-C.
    "queue.buffering.max.messages": 20_000,
}

# Nobody waits for a label, so labels have a client of their own that gathers them: with a request
# for each, as for transactions at low rates, the broker would have twice the work.
_LABEL_DEFAULTS = _DEFAULTS | {"linger.ms": 100}

Remark = Callable[[str], None]
"""Called with a sentence that a person at a terminal wants to read now."""


@dataclass(slots=True)
class Count:
    """What became of the records of one topic.

    Attributes:
        sent: given to the client.
        delivered: confirmed by Kafka.
        failed: given up by the client, or refused by Kafka.
        error: why the first one failed; None while none has.
    """

    sent: int = 0
    delivered: int = 0
    failed: int = 0
    error: str | None = None

    def confirm(self, error: KafkaError | None, _message: object = None) -> None:
        """Count a record whose delivery report has come."""
        if error is None:
            self.delivered += 1
        else:
            self.failed += 1
            self.error = self.error or error.str()


class ReplayProducer:
    """Where records leave; blocks only in its constructor, in a full queue and in `drain`."""

    def __init__(self, settings: KafkaSettings, remark: Remark) -> None:
        """Make the client; nothing is connected yet.

        Raises:
            SettingsError: if the settings are not accepted, or contradict what delivery rests on.
        """
        self.transactions = Count()
        self.labels = Count()
        self._settings = settings
        self._broker = settings.broker
        self._remark = remark
        self._delivered_when_away = -1
        self._trouble: KafkaError | None = None
        self._producer = self._client(settings, _DEFAULTS)
        self._label_producer = self._client(settings, _LABEL_DEFAULTS)
        self._producers = (self._producer, self._label_producer)

    def connect(self, *topics: str) -> None:
        """Wait until Kafka answers, and see that the topics exist and may be written to.

        Raises:
            BrokerUnreachableError: if it does not answer within `ANSWER_SECONDS`.
            ConnectionRejectedError: if it rejects the connection.
            TopicMissingError: if a topic is missing.
            PermissionMissingError: if Kafka does not let us write to one.
        """
        rights = [Permission("Write", "topic", topic) for topic in topics]
        deadline = time.monotonic() + ANSWER_SECONDS
        while True:
            try:
                self._producer.list_topics(timeout=LOOK_SECONDS)
                standing = PermissionCheck(self._settings).look(rights, timeout=ANSWER_SECONDS)
                break
            except KafkaException as error:
                self._producer.poll(0)  # lets the callback tell why
                left = deadline - time.monotonic()
                sentence = explain_failure(
                    self._settings, self._trouble, tried=ANSWER_SECONDS - left
                )
                if sentence:
                    raise ConnectionRejectedError(sentence) from error
                if left <= 0:
                    raise BrokerUnreachableError(self._no_answer(error)) from error
        if standing.lacking:
            raise PermissionMissingError(explain_missing(self._settings, standing.lacking))
        if standing.missing:
            raise TopicMissingError(
                f"Kafka at {self._broker} has no topic {' and no topic '.join(standing.missing)}. "
                "Make them with `fraudstream topics create`, with the same --topic-prefix."
            )

    def _no_answer(self, error: KafkaException) -> str:
        # Without how long it took and in which state, which tells a user nothing.
        trouble = (self._trouble or error.args[0]).str().partition(" (after ")[0]
        return (
            f"No Kafka answered at {self._broker} within {ANSWER_SECONDS:g} seconds "
            f"({trouble}). Start one with `fraudstream broker`, "
            "or name yours with --broker HOST:PORT."
        )

    def send(
        self,
        count: Count,
        topic: str,
        key: bytes,
        value: bytes,
        timestamp_ms: int,
        headers: Headers = (),
    ) -> None:
        """Give a record to the client; waits while its queue is full.

        A record that the client refuses counts as failed.
        """
        count.sent += 1
        producer = self._label_producer if count is self.labels else self._producer
        while True:
            try:
                producer.produce(
                    topic,
                    value,
                    key,
                    on_delivery=count.confirm,
                    timestamp=timestamp_ms,
                    headers=list(headers),
                )
            except BufferError:
                producer.poll(POLL_SECONDS)
            except KafkaException as error:
                count.confirm(error.args[0])
                return
            else:
                return

    def serve(self) -> None:
        """Handle the delivery reports that are there; does not wait."""
        for producer in self._producers:
            producer.poll(0)

    def drain(self) -> None:
        """Wait until every record is delivered or has failed; `delivery.timeout.ms` bounds it."""
        polls = 0
        while waiting := sum(producer.flush(POLL_SECONDS) for producer in self._producers):
            polls += 1
            if polls == PATIENCE_POLLS:
                self._remark(f"Waiting until Kafka confirms the last {waiting:,} records.")

    def abandon(self) -> None:
        """Give up what is not delivered yet: it counts as failed."""
        for producer in self._producers:
            producer.purge()
            producer.flush(POLL_SECONDS)

    @property
    def failed(self) -> int:
        """Records of either topic that were not delivered."""
        return self.transactions.failed + self.labels.failed

    def _client(self, settings: KafkaSettings, defaults: dict[str, object]) -> Producer:
        configuration = settings.client(defaults, required=_REQUIRED)
        configuration["error_cb"] = self._on_error
        try:
            return Producer(configuration)
        except KafkaException as error:
            raise SettingsError(
                f"The Kafka client does not accept its settings: {error.args[0].str()}."
            ) from error

    def _on_error(self, error: KafkaError) -> None:
        """Remember or say what librdkafka finds; most of it, it repairs by itself."""
        if error.code() != KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001 - public, so written
            self._trouble = error
        elif self.transactions.sent and self._delivered_when_away != self.transactions.delivered:
            # Once for each time it goes away, not for each of librdkafka's attempts.
            self._delivered_when_away = self.transactions.delivered
            self._remark(f"Kafka at {self._broker} is away; waiting for it to come back.")
