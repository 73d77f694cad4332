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


def test_a_rejected_connection_is_the_users_mistake() -> None:
    connectivity = Connectivity("h:1", limit=60, clock=ManualClock())
    connectivity.on_error(KafkaError(KafkaError._AUTHENTICATION, "SASL: bad password"))
    with pytest.raises(ConnectionRejectedError, match="rejects the connection: SASL: bad password"):
        connectivity.check(Kafka(answers=True))


def test_a_stop_ends_the_wait_for_kafka() -> None:
    connectivity = away(ManualClock())
    ended = connectivity.wait_until_reachable(Kafka(answers=False), stopped=lambda: True)
    assert ended is Reachability.STOPPED


def test_a_recovery_is_reported_once() -> None:
    kafka, connectivity = Kafka(answers=True), away(ManualClock())
    waits = [connectivity.wait_until_reachable(kafka, stopped=lambda: True) for _ in range(2)]
    assert waits == [Reachability.RECOVERED, Reachability.REACHABLE]
