"""A producer that fails is replaced, unless another process has fenced it."""

from functools import partial
from typing import cast

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from consumer.commit.exactly_once import ExactlyOnce
from consumer.commit.sink import AbortedError, UnavailableError, UncertainError
from consumer.errors import CommitError
from kafkaio.error_codes import PRODUCER_FENCED, REQUEST_TIMED_OUT, STATE_INVALID
from kafkaio.errors import PermissionMissingError
from tests.support.clock import ManualClock

OFFSETS = [TopicPartition("t", 0, 1)]
TIMED_OUT = KafkaError(REQUEST_TIMED_OUT, "No answer", False, True, False)
ABORTABLE = KafkaError(KafkaError.COORDINATOR_NOT_AVAILABLE, "Moved", False, False, True)
STATE = KafkaError(STATE_INVALID, "Erroneous state", False, False, False)
FENCED = KafkaError(PRODUCER_FENCED, "Fenced", True, False, False)
FORBIDDEN = KafkaError(KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, "No", False, False, False)


class Member:
    """The consumer, as a sink uses it."""

    def consumer_group_metadata(self) -> object:
        return object()

    def memberid(self) -> str:
        return "member-1"


class Kafka:
    """Answers the calls of all producers of a sink, after some seconds and with an error if asked.

    Attributes:
        calls: (call, timeout) of each, in order.
        errors: by call, how long it takes and its error.
        later: the same, from the first error on.
        open: producers that were made and not destroyed.
    """

    def __init__(self, clock: ManualClock) -> None:
        self.calls: list[tuple[str, float]] = []
        self.errors: dict[str, tuple[float, KafkaError]] = {}
        self.later: dict[str, tuple[float, KafkaError]] = {}
        self.open = 0
        self._clock = clock

    def call(self, name: str, timeout: float) -> None:
        self.calls.append((name, round(timeout, 3)))
        if name in self.errors:
            seconds, error = self.errors[name]
            self.errors |= self.later
            self._clock.now += seconds
            raise KafkaException(error)


class FailingProducer:
    """A producer whose calls the test answers.

    Like those of a real one, they leave no reference to it in a traceback.
    """

    def __init__(self, kafka: Kafka) -> None:
        self._kafka = kafka
        kafka.open += 1
        self.init_transactions = partial(kafka.call, "init")
        self.commit_transaction = partial(kafka.call, "commit")
        self.send_offsets_to_transaction = partial(_send_offsets, kafka)

    def __del__(self) -> None:
        self._kafka.open -= 1

    def begin_transaction(self) -> None:
        """Begin."""

    def poll(self, _timeout: float) -> int:
        return 0

    def purge(self, *, blocking: bool) -> None:
        assert not blocking


def _send_offsets(kafka: Kafka, _offsets: object, _metadata: object, timeout: float) -> None:
    kafka.call("offsets", timeout)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def kafka(clock: ManualClock) -> Kafka:
    return Kafka(clock)


@pytest.fixture
def sink(clock: ManualClock, kafka: Kafka) -> ExactlyOnce:
    return ExactlyOnce(
        lambda: cast("Producer", FailingProducer(kafka)),
        cast("Consumer", Member()),
        monotonic=clock,
        sleep=clock.sleep,
        transactional_id="ours",
    )


@pytest.mark.parametrize(
    ("error", "raised"),
    [(TIMED_OUT, UncertainError), (FORBIDDEN, UncertainError), (ABORTABLE, AbortedError)],
)
@pytest.mark.parametrize("call", ["offsets", "commit"])
def test_a_failed_commit_is_followed_by_a_new_producer(
    sink: ExactlyOnce, kafka: Kafka, call: str, error: KafkaError, raised: type[Exception]
) -> None:
    sink.open()
    kafka.errors[call] = 10.0, error
    with pytest.raises(raised) as failed:
        sink.commit([], OFFSETS)
    # The producer is gone although its error, with all tracebacks, still exists.
    assert (kafka.open, failed.value.__cause__ is not None) == (0, True)
    with pytest.raises(AbortedError, match="no producer is registered"):
        sink.commit([], OFFSETS)
    kafka.errors.clear()
    sink.open()
    sink.commit([], OFFSETS)
    assert (kafka.open, kafka.calls[-1][0]) == (1, "commit")


def test_the_reason_why_a_transaction_had_failed_already_is_named(
    sink: ExactlyOnce, kafka: Kafka
) -> None:
    sink.open()
    kafka.errors = {"offsets": (0.0, STATE)}
    kafka.later = {"offsets": (0.0, ABORTABLE)}
    with pytest.raises(AbortedError, match="Moved"):
        sink.commit([], OFFSETS)


def test_a_commit_has_ten_seconds_in_all(sink: ExactlyOnce, kafka: Kafka) -> None:
    sink.open()
    kafka.calls.clear()
    kafka.errors["offsets"] = 4.0, TIMED_OUT
    with pytest.raises(UncertainError, match="No answer"):
        sink.commit([], OFFSETS)
    assert [timeout for _, timeout in kafka.calls] == [10.0, 5.95, 1.9]


def test_another_process_with_the_same_id_ends_this_one(sink: ExactlyOnce, kafka: Kafka) -> None:
    sink.open()
    kafka.errors["offsets"] = 1.0, FENCED
    with pytest.raises(CommitError, match="Another process has taken over transactional id ours"):
        sink.commit([], OFFSETS)


def test_a_transaction_that_kafka_has_ended_does_not(sink: ExactlyOnce, kafka: Kafka) -> None:
    sink.open()
    kafka.errors["commit"] = 10.0, FENCED  # the transaction's timeout
    with pytest.raises(UncertainError, match="Fenced"):
        sink.commit([], OFFSETS)


def test_a_late_registration_of_our_own_does_not(sink: ExactlyOnce, kafka: Kafka) -> None:
    kafka.errors["init"] = 10.0, TIMED_OUT  # and Kafka may receive it later
    with pytest.raises(UnavailableError):
        sink.open()
    kafka.errors = {"offsets": (1.0, FENCED)}
    sink.open()
    with pytest.raises(UncertainError, match="Fenced"):
        sink.commit([], OFFSETS)


def test_a_rejected_registration_is_a_mistake_only_if_none_ever_succeeded(
    sink: ExactlyOnce, kafka: Kafka
) -> None:
    kafka.errors["init"] = 0.1, FORBIDDEN
    with pytest.raises(PermissionMissingError, match="Write on transactional id ours"):
        sink.open()
    kafka.errors.clear()
    sink.open()
    kafka.errors["init"] = 0.1, FORBIDDEN
    with pytest.raises(UnavailableError, match="does not register a producer: No"):
        sink.open()
