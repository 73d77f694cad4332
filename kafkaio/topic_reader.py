"""Reading whole topics as one who looks on: committed records only, no group, no commits."""

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Self

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from kafkaio.clients import make_consumer
from kafkaio.errors import (
    BrokerUnreachableError,
    ClientFailedError,
    ConnectionRejectedError,
    PermissionMissingError,
    TopicMissingError,
)
from kafkaio.permissions import Permission, PermissionCheck, explain_missing
from kafkaio.settings import KafkaSettings
from kafkaio.tls_probe import explain_failure

logger = logging.getLogger(__name__)

PartitionId = tuple[str, int]
"""A topic's name and a partition's number."""

# How long the first answer may take; a person waits for it.
CONNECT_SECONDS = 6.0
# Every blocking call is this short, so that Ctrl-C is heard.
_PROBE_SECONDS = 1.0
# How often partitions that somebody added are looked for; each look takes milliseconds.
_ADOPT_SECONDS = 30.0

_AWAY = {
    KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001 - librdkafka's local codes are spelled so
    KafkaError._TRANSPORT,  # noqa: SLF001
    KafkaError._RESOLVE,  # noqa: SLF001
    KafkaError._TIMED_OUT,  # noqa: SLF001
}
_REFUSED = {
    KafkaError._AUTHENTICATION,  # noqa: SLF001
    KafkaError._SSL,  # noqa: SLF001
}
_GONE = {
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._UNKNOWN_TOPIC,  # noqa: SLF001
    KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001
}


class TopicReader:
    """A reader of all partitions of some topics, who leaves no trace at the broker.

    It assigns the partitions itself instead of joining a group, so that it takes nothing from
    anybody and may run as often as one likes. Records of aborted transactions are never seen.

    Use it in a `with` statement, `connect` first. Everything happens in the caller's thread.

    Args:
        settings: how to reach Kafka.
        topics: which topics, each with whether to begin at its first record (True) or with the
            first one written after `connect` returned (False).
        clock: monotonic seconds.

    Attributes:
        away: whether Kafka is thought not to answer at present.

    Raises:
        SettingsError: if a Kafka property is not accepted.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        topics: Mapping[str, bool],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._broker = settings.broker
        self._topics = topics
        self._clock = clock
        self.away = False
        self._suspected = False
        self._next_probe = 0.0
        self._last_error = ""
        self._refusal: KafkaError | None = None
        self._said: set[int] = set()
        self._reached: dict[PartitionId, int] = {}
        self._targets: dict[PartitionId, int] = {}
        self._next_look = 0.0
        self._consumer = self._client(settings)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._consumer.close()

    def connect(self, *, stopped: Callable[[], bool]) -> bool:
        """Wait for Kafka's first answer and begin; return False if `stopped` said so before.

        Raises:
            TopicMissingError: if a topic is not there.
            PermissionMissingError: if Kafka does not let us read one.
            ConnectionRejectedError: if Kafka rejects the connection.
            BrokerUnreachableError: if Kafka does not answer within `CONNECT_SECONDS`.
        """
        deadline = self._clock() + CONNECT_SECONDS
        while not stopped():
            try:
                self._begin()
            except KafkaException as error:
                self._consumer.poll(0)  # lets error callbacks run, which know the cause
                tried = CONNECT_SECONDS - (deadline - self._clock())
                if sentence := explain_failure(self._settings, self._refusal, tried=tried):
                    raise ConnectionRejectedError(sentence) from error
                if self._clock() >= deadline:
                    cause = self._last_error or error.args[0].str()
                    raise BrokerUnreachableError(
                        f"Kafka at {self._broker} does not answer: {cause}. "
                        "Is it running, and is the address right (--broker HOST:PORT)?"
                    ) from error
            else:
                return True
        return False

    def read(self, maximum: int = 1000, *, wait: float = 0.1) -> list[Message]:
        """Block up to `wait` seconds for a first record, then take what is already there.

        While Kafka is away it returns nothing, after having said so once in the log.

        Raises:
            TopicMissingError: if a topic was deleted.
            PermissionMissingError: if Kafka does not let us read one any more.
            ClientFailedError: if the client cannot go on.
        """
        if self._suspected:
            self._probe()
        elif self._clock() >= self._next_look:
            self._adopt()
        messages = self._consumer.consume(1, timeout=wait)
        if messages and maximum > 1:
            messages += self._consumer.consume(maximum - 1, timeout=0)
        return [message for message in messages if self._is_record(message)]

    def mark(self) -> bool:
        """Note where the topics end now, for `arrived`; return False if Kafka does not answer."""
        if self.away:
            return False
        try:
            self._targets = {place: self._ends(place)[1] for place in self._reached}
        except KafkaException:
            self._suspected = True
            return False
        return True

    def arrived(self, topics: Iterable[str]) -> bool:
        """Return whether all that stood in these topics at the last `mark` has been read.

        `connect` makes the first mark.
        """
        wanted = set(topics)
        return all(
            self._reached[place] >= target
            for place, target in self._targets.items()
            if place[0] in wanted
        )

    def pause(self, topic: str) -> None:
        """Leave this topic's records in Kafka until `resume`."""
        self._consumer.pause(self._partitions(topic))

    def resume(self, topic: str) -> None:
        """Read this topic again."""
        self._consumer.resume(self._partitions(topic))

    def _client(self, settings: KafkaSettings) -> Consumer:
        configuration = settings.client(
            {
                # Never joined and never committed to; librdkafka only wants a name.
                "group.id": "fraudstream-follower",
                # Where retention has deleted what was to be read next, go on with the oldest.
                "auto.offset.reset": "earliest",
                # The end of a partition is told by an empty fetch, which takes this long.
                "fetch.wait.max.ms": 100,
            },
            required={
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "enable.partition.eof": True,
                "error_cb": self._hear,
            },
        )
        return make_consumer(configuration)

    def _begin(self) -> None:
        """Assign every partition from where its topic's choice says."""
        places = self._places()
        missing = [topic for topic in self._topics if topic not in dict(places)]
        if missing:
            rights = [Permission("Read", "topic", topic) for topic in self._topics]
            if (
                lacking := PermissionCheck(self._settings)
                .look(rights, timeout=_PROBE_SECONDS)
                .lacking
            ):
                raise PermissionMissingError(explain_missing(self._settings, lacking))
            raise TopicMissingError(
                f"Kafka at {self._broker} has no topic {' and no topic '.join(missing)}; "
                "create what is missing with 'fraudstream topics create'."
            )
        ends = {place: self._ends(place) for place in places}
        self._targets = {place: end for place, (_, end) in ends.items()}
        self._reached = {
            place: first if self._topics[place[0]] else end for place, (first, end) in ends.items()
        }
        self._consumer.assign(
            [TopicPartition(*place, offset) for place, offset in self._reached.items()]
        )
        self._next_look = self._clock() + _ADOPT_SECONDS

    def _places(self) -> list[PartitionId]:
        known = self._consumer.list_topics(timeout=_PROBE_SECONDS).topics
        return [
            (topic, partition)
            for topic in self._topics
            if topic in known
            for partition in known[topic].partitions
        ]

    def _ends(self, place: PartitionId) -> tuple[int, int]:
        """Return a partition's first offset and the one after the last committed record."""
        return self._consumer.get_watermark_offsets(TopicPartition(*place), timeout=_PROBE_SECONDS)

    def _adopt(self) -> None:
        """Take partitions added since, from their first record on."""
        self._next_look = self._clock() + _ADOPT_SECONDS
        try:
            new = [place for place in self._places() if place not in self._reached]
        except KafkaException:
            return
        if new:
            self._reached |= dict.fromkeys(new, 0)
            self._consumer.incremental_assign([TopicPartition(*place, 0) for place in new])
            logger.info("Following %d more partitions.", len(new))

    def _partitions(self, topic: str) -> list[TopicPartition]:
        return [TopicPartition(*place) for place in self._reached if place[0] == topic]

    def _is_record(self, message: Message) -> bool:
        """Tell records from what librdkafka hands over in their place; note how far we are."""
        place = (str(message.topic()), message.partition() or 0)
        error = message.error()
        if error is None:
            self._reached[place] = (message.offset() or 0) + 1
            return True
        if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001
            self._reached[place] = message.offset() or 0
        elif error.code() in _GONE:
            raise TopicMissingError(f"Topic {place[0]} is not there any more.")
        elif error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
            right = Permission("Read", "topic", place[0])
            raise PermissionMissingError(explain_missing(self._settings, [right]))
        elif error.fatal():
            raise ClientFailedError(f"The Kafka consumer cannot go on: {error.str()}.")
        else:
            self._hear(error)
        return False

    def _hear(self, error: KafkaError) -> None:
        """Hear a client's error, from within `consume` and `poll`."""
        if error.code() == KafkaError.GROUP_AUTHORIZATION_FAILED:
            return  # librdkafka looks for the group that we only name and do not use
        self._last_error = error.str()
        if error.code() in _REFUSED:
            self._refusal = error
        if error.code() in _AWAY:
            self._suspected = True  # may be one connection only, which librdkafka opens again
        elif self._reached and error.code() not in self._said:
            self._said.add(error.code())
            logger.warning("Kafka says: %s", error.str())

    def _probe(self) -> None:
        """See, once a second, whether Kafka answers; say so when that changed."""
        if self._clock() < self._next_probe:
            return
        try:
            self._consumer.list_topics(timeout=_PROBE_SECONDS)
        except KafkaException:
            self._next_probe = self._clock() + _PROBE_SECONDS
            if not self.away:
                logger.warning("Kafka at %s does not answer; waiting for it.", self._broker)
            self.away = True
        else:
            if self.away:
                logger.info("Kafka at %s answers again.", self._broker)
            self.away = self._suspected = False
