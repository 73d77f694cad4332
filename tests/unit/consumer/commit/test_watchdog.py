"""The watchdog, the availability watch and health, on a clock that is turned by hand."""

import logging
from collections.abc import Callable
from itertools import pairwise

import pytest
from confluent_kafka import KafkaError, KafkaException

from consumer.commit.watchdog import Watchdog
from consumer.telemetry.health import STUCK_SECONDS, Health
from kafkaio.clients import make_consumer, make_producer
from kafkaio.connectivity import Connectivity
from kafkaio.errors import BrokerUnavailableError, ConnectionRejectedError, SettingsError


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Kafka:
    """What the availability watch asks of a consumer."""

    def __init__(self, *, answers: bool) -> None:
        self.answers = answers
        self.probes = 0

    def list_topics(self, timeout: float) -> None:
        assert timeout < 2  # a probe must not hold up the loop
        self.probes += 1
        if not self.answers:
            raise KafkaException(KafkaError(KafkaError._TRANSPORT))


def test_the_watchdog_ends_only_calls_that_are_overdue() -> None:
    clock, said = Clock(), list[str]()
    watchdog = Watchdog(5.0, end=said.append, clock=clock)
    with watchdog.watching("A commit"):
        clock.now += 4.9
        watchdog.check()
        assert said == []
        clock.now += 0.2
        watchdog.check()
        assert said[0].startswith("A commit has not come back for 5 s")
    said.clear()
    clock.now += 100
    watchdog.check()
    assert said == []


def away(clock: Clock, limit: float = 60.0) -> Connectivity:
    availability = Connectivity("h:1", limit=limit, clock=clock)
    availability.on_error(KafkaError(KafkaError._ALL_BROKERS_DOWN))
    return availability


def test_a_broker_that_is_not_suspected_is_not_probed() -> None:
    kafka = Kafka(answers=False)
    Connectivity("h:1", limit=1, clock=Clock()).check(kafka)
    assert kafka.probes == 0


def test_probes_back_off_and_the_limit_ends_the_wait() -> None:
    clock, kafka = Clock(), Kafka(answers=False)
    availability = away(clock)
    times: list[float] = []

    def turn_until_it_gives_up() -> None:
        while True:
            before = kafka.probes
            availability.check(kafka)
            if kafka.probes > before:
                times.append(clock.now)
            clock.now += 0.1

    with pytest.raises(BrokerUnavailableError, match="h:1 has not answered for 60 s"):
        turn_until_it_gives_up()
    pauses = [round(later - earlier, 1) for earlier, later in pairwise(times)]
    assert pauses[:5] == [0.5, 1.0, 2.0, 2.0, 2.0]


def test_an_answer_ends_the_suspicion(caplog: pytest.LogCaptureFixture) -> None:
    clock, kafka = Clock(), Kafka(answers=False)
    availability = away(clock)
    availability.check(kafka)
    clock.now += 5
    kafka.answers = True
    with caplog.at_level(logging.INFO):
        availability.check(kafka)
    assert "answers again after 5.0 s" in caplog.text
    probes = kafka.probes
    clock.now += 500
    availability.check(kafka)
    assert kafka.probes == probes


def test_a_refusal_is_the_users_mistake() -> None:
    availability = Connectivity("h:1", limit=60, clock=Clock())
    availability.on_error(KafkaError(KafkaError._AUTHENTICATION, "SASL: bad password"))
    with pytest.raises(ConnectionRejectedError, match="refuses the connection: SASL: bad password"):
        availability.check(Kafka(answers=True))


def test_ready_means_warm_and_assigned() -> None:
    health = Health(Clock())
    assert health.ready() == "the model is not warm yet"
    health.warm()
    assert health.ready() == "no partitions are assigned"
    health.assigned(2)
    assert health.ready() is None
    health.assigned(-2)
    assert health.ready() == "no partitions are assigned"


def test_healthy_means_that_the_loop_moves() -> None:
    clock = Clock()
    health = Health(clock)
    clock.now += STUCK_SECONDS
    assert health.healthy() == "the loop has not moved for 120 s"
    health.moved()
    assert health.healthy() is None


@pytest.mark.parametrize("make", [make_consumer, make_producer])
def test_a_property_that_kafka_does_not_know_is_one_sentence(make: Callable[..., object]) -> None:
    with pytest.raises(SettingsError, match='not accepted: No such configuration property: "no"'):
        make({"bootstrap.servers": "127.0.0.1:1", "group.id": "g", "no": "1"})


def test_a_wish_to_stop_ends_the_wait_for_kafka() -> None:
    assert not away(Clock()).reachable(Kafka(answers=False), stopped=lambda: True)
    assert away(Clock()).reachable(Kafka(answers=True), stopped=lambda: True)
