"""Publishes records and counts each one when it is sent and when Kafka has confirmed it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from confluent_kafka import KafkaError, KafkaException, Producer

from events.messages import Headers
from kafkaio.clients import make_admin, make_producer, producer_configuration
from kafkaio.connectivity import PROBE_SECONDS, ClientErrors, wait_for_first_answer
from kafkaio.error_codes import ALL_BROKERS_DOWN
from kafkaio.errors import BrokerUnreachableError
from kafkaio.partitions import list_partitions, wait_until_served
from kafkaio.permissions import Permission, require_permissions
from kafkaio.settings import KafkaSettings

# How long Kafka may take to answer at the start.
ANSWER_SECONDS = 5.0

# Each wait is this short, so that signals are handled and a progress bar moves.
POLL_SECONDS = 0.1

# A drain takes a few milliseconds; after a second a person wonders.
PATIENCE_POLLS = 10

_DEFAULTS: dict[str, object] = {
    # Waiting for fuller batches is latency: 1.8 ms to the acknowledgement without, 2.8 ms with
    # 1 ms, 4.8 ms with the library's 5 ms (median at 5,000 a second beside the broker on two
    # cores). The first millisecond is worth it: it halves what the broker computes.
    "linger.ms": 1,
    # How long a broker may be away before the records that wait for it have failed.
    "delivery.timeout.ms": 60_000,
    # Records in the queue have their event time already: 20,000 are 0.2 s at 100,000 a second.
    # The library's default of 100,000 would add a second to every latency, and to a Ctrl-C.
    "queue.buffering.max.messages": 20_000,
}

# Nobody waits for a label, so labels have a client of their own that batches them: with a request
# for each, as for transactions at low rates, the broker would have twice the work.
_LABEL_DEFAULTS = _DEFAULTS | {"linger.ms": 100}

Remark = Callable[[str], None]
"""Called with a sentence that a person at a terminal should read now."""


@dataclass(slots=True)
class Count:
    """The deliveries to one topic.

    Attributes:
        sent: records handed to the client.
        delivered: records confirmed by Kafka.
        failed: records that timed out in the client, or that Kafka rejected.
        error: why the first one failed; None while none has.
    """

    sent: int = 0
    delivered: int = 0
    failed: int = 0
    error: str | None = None

    def confirm(self, error: KafkaError | None, _message: object = None) -> None:
        """Count a record by its delivery report."""
        if error is None:
            self.delivered += 1
        else:
            self.failed += 1
            self.error = self.error or error.str()


class ReplayProducer:
    """Publishes transactions and labels; blocks in `connect`, `drain` and on a full queue only."""

    def __init__(self, settings: KafkaSettings, remark: Remark) -> None:
        """Construct the clients, not connected yet.

        Raises:
            SettingsError: if the settings are not accepted, or contradict required ones.
        """
        self.transactions = Count()
        self.labels = Count()
        self._settings = settings
        self._remark = remark
        self._delivered_at_outage = -1
        self._errors = ClientErrors()
        self._producer = self._make(settings, _DEFAULTS)
        self._label_producer = self._make(settings, _LABEL_DEFAULTS)
        self._producers = (self._producer, self._label_producer)

    def connect(self, *topics: str) -> None:
        """Wait until Kafka answers, and check that the topics exist and accept records.

        Raises:
            BrokerUnreachableError: if it, or a partition's leader, does not answer within
                `ANSWER_SECONDS`.
            ConnectionRejectedError: if it rejects the connection.
            TopicMissingError: if a topic does not exist.
            PermissionMissingError: if Kafka does not permit writing to one.
        """
        wait_for_first_answer(
            lambda: self._producer.list_topics(timeout=PROBE_SECONDS),
            self._producer,
            self._settings,
            self._errors,
            patience=ANSWER_SECONDS,
        )
        permissions = [Permission("Write", "topic", topic) for topic in topics]
        require_permissions(self._settings, permissions, patience=0)
        self._wait_until_served(topics)

    def send(
        self,
        count: Count,
        topic: str,
        key: bytes,
        value: bytes,
        timestamp_ms: int,
        headers: Headers = (),
    ) -> None:
        """Hand a record to the client; blocks while its queue is full.

        A record that the client rejects has failed.
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
        """Handle the delivery reports that have arrived; does not block."""
        for producer in self._producers:
            producer.poll(0)

    def drain(self) -> None:
        """Block until every record is delivered or has failed, at most `delivery.timeout.ms`."""
        polls = 0
        while waiting := sum(producer.flush(POLL_SECONDS) for producer in self._producers):
            polls += 1
            if polls == PATIENCE_POLLS:
                self._remark(f"Waiting until Kafka confirms the last {waiting:,} records.")

    def abandon(self) -> None:
        """Give up the records that are not delivered yet; they have failed."""
        for producer in self._producers:
            producer.purge()
            producer.flush(POLL_SECONDS)

    @property
    def failed(self) -> int:
        """Records of either topic that were not delivered."""
        return self.transactions.failed + self.labels.failed

    def _wait_until_served(self, topics: Sequence[str]) -> None:
        admin = make_admin(self._settings.client())
        try:
            partitions = list_partitions(admin, topics, timeout=ANSWER_SECONDS)
            wait_until_served(admin, partitions, timeout=ANSWER_SECONDS)
        except KafkaException as error:
            raise BrokerUnreachableError(
                f"Kafka at {self._settings.broker} does not accept records for "
                f"{', '.join(topics)}: {error.args[0].str()}."
            ) from error

    def _make(self, settings: KafkaSettings, defaults: dict[str, object]) -> Producer:
        return make_producer(producer_configuration(settings, defaults, on_error=self._on_error))

    def _on_error(self, error: KafkaError) -> None:
        """Keep the error, and report the begin of an outage; librdkafka recovers by itself."""
        self._errors(error)
        delivered = self.transactions.delivered
        if (
            error.code() == ALL_BROKERS_DOWN
            and self.transactions.sent
            and self._delivered_at_outage != delivered
        ):
            # Once for each outage, not for each of librdkafka's attempts.
            self._delivered_at_outage = delivered
            self._remark(f"Kafka at {self._settings.broker} is away; waiting for it to come back.")
