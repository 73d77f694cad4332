"""Connectivity on a clock that is turned by hand."""

import logging
from itertools import pairwise

import pytest
from confluent_kafka import KafkaError, KafkaException

from kafkaio.connectivity import Connectivity, Reachability
from kafkaio.errors import BrokerUnavailableError, ConnectionRejectedError
from tests.support.clock import ManualClock


class Kafka:
    """Stands in for a client that is probed."""

    def __init__(self, *, answers: bool) -> None:
        self.answers = answers
        self.probes = 0

    def list_topics(self, *, timeout: float) -> None:
        assert timeout < 2  # a probe must not hold up the loop
        self.probes += 1
        if not self.answers:
            raise KafkaException(KafkaError(KafkaError._TRANSPORT))

    def poll(self, timeout: float, /) -> None:
        """No callbacks are waiting."""


def away(clock: ManualClock, limit: float = 60.0) -> Connectivity:
    connectivity = Connectivity("h:1", limit=limit, clock=clock)
    connectivity.on_error(KafkaError(KafkaError._ALL_BROKERS_DOWN))
    return connectivity


def test_a_broker_that_is_not_suspected_is_not_probed() -> None:
    kafka = Kafka(answers=False)
    Connectivity("h:1", limit=1, clock=ManualClock()).check(kafka)
    assert kafka.probes == 0


def test_probes_back_off_and_the_limit_ends_the_wait() -> None:
    clock, kafka = ManualClock(), Kafka(answers=False)
    connectivity = away(clock)
    times: list[float] = []

    def check_until_it_gives_up() -> None:
        while True:
            before = kafka.probes
            connectivity.check(kafka)
            if kafka.probes > before:
                times.append(clock.now)
            clock.now += 0.1

    with pytest.raises(BrokerUnavailableError, match="h:1 has not answered for 60 s"):
        check_until_it_gives_up()
    pauses = [round(later - earlier, 1) for earlier, later in pairwise(times)]
    assert pauses[:5] == [0.5, 1.0, 2.0, 2.0, 2.0]


def test_an_answer_ends_the_outage(caplog: pytest.LogCaptureFixture) -> None:
    clock, kafka = ManualClock(), Kafka(answers=False)
    connectivity = away(clock)
    connectivity.check(kafka)
    clock.now += 5
    kafka.answers = True
    with caplog.at_level(logging.INFO):
        connectivity.check(kafka)
    assert "answers again after 5.0 s" in caplog.text
    probes = kafka.probes
    clock.now += 500
    connectivity.check(kafka)
    assert kafka.probes == probes


REJECTIONS = [
    KafkaError(KafkaError._AUTHENTICATION, "SASL: bad password"),
    KafkaError(KafkaError._SSL, "SSL handshake failed: plain text"),
]


@pytest.mark.parametrize("rejection", REJECTIONS)
def test_a_connection_that_was_never_accepted_is_the_users_mistake(rejection: KafkaError) -> None:
    connectivity = Connectivity("h:1", limit=60, clock=ManualClock())
    connectivity.on_error(rejection)
    with pytest.raises(ConnectionRejectedError, match=f"rejects the connection: {rejection.str()}"):
        connectivity.check(Kafka(answers=False))


def test_a_rejection_by_one_broker_is_no_mistake_if_another_answers() -> None:
    connectivity = Connectivity("h:1", limit=60, clock=ManualClock())
    connectivity.on_error(REJECTIONS[1])
    assert connectivity.connect(Kafka(answers=True), stopped=lambda: False)


@pytest.mark.parametrize("rejection", REJECTIONS)
def test_a_rejection_after_the_first_answer_is_an_outage(
    rejection: KafkaError, caplog: pytest.LogCaptureFixture
) -> None:
    clock, kafka = ManualClock(), Kafka(answers=True)
    connectivity = Connectivity("h:1", limit=60, clock=clock)
    assert connectivity.connect(kafka, stopped=lambda: False)
    assert wait(connectivity, kafka) is Reachability.REACHABLE
    kafka.answers = False
    connectivity.on_error(rejection)
    for _ in range(40):
        connectivity.on_error(rejection)
        connectivity.check(kafka)
        clock.now += 1
    assert f"rejects the connection ({rejection.str()}); trying again for 60 s" in caplog.text
    kafka.answers = True
    assert wait(connectivity, kafka) is Reachability.RECOVERED
    kafka.answers = False
    connectivity.on_error(rejection)
    connectivity.check(kafka)
    clock.now += 61
    connectivity.on_error(rejection)
    with pytest.raises(BrokerUnavailableError, match="has rejected connections for 61 s") as ended:
        connectivity.check(kafka)
    assert ended.value.exit_code == 1


def test_a_rejection_by_one_of_several_brokers_breaks_nothing() -> None:
    kafka, connectivity = Kafka(answers=True), Connectivity("h:1", limit=60, clock=ManualClock())
    assert connectivity.connect(kafka, stopped=lambda: False)
    connectivity.on_error(REJECTIONS[1])
    assert wait(connectivity, kafka) is Reachability.REACHABLE


def wait(connectivity: Connectivity, kafka: Kafka) -> Reachability:
    return connectivity.wait_until_reachable(kafka, stopped=lambda: False)


def test_a_stop_ends_the_wait_for_kafka() -> None:
    connectivity = away(ManualClock())
    ended = connectivity.wait_until_reachable(Kafka(answers=False), stopped=lambda: True)
    assert ended is Reachability.STOPPED


def test_a_recovery_is_reported_once() -> None:
    kafka, connectivity = Kafka(answers=True), away(ManualClock())
    waits = [connectivity.wait_until_reachable(kafka, stopped=lambda: True) for _ in range(2)]
    assert waits == [Reachability.RECOVERED, Reachability.REACHABLE]
