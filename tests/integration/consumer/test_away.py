"""Kafka is frozen or killed, or crashes and restarts, in the middle of a commit."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import pytest

from broker.server import EmbeddedBroker
from consumer.commit.deadline import Deadline
from consumer.commit.exactly_once import ExactlyOnce
from consumer.commit.sink import AbortedError, CommitStep, UnavailableError
from events.topics import Topics
from kafkaio.settings import KafkaSettings
from tests.support.committing import Group, at_least_once, exactly_once, one_record
from tests.support.detector import PATIENCE, DetectorThread, payloads, publish
from tests.support.reading import alerts, assert_scored_once, has_open_transaction, rows
from tests.support.standstill import Standstill, at


@dataclass(frozen=True)
class Absence:
    """An absence of the broker; it may be ended twice."""

    begin: Callable[[], None]
    end: Callable[[], None]


@pytest.fixture
def away(own_broker: EmbeddedBroker, request: pytest.FixtureRequest) -> Iterator[Absence]:
    """Freeze or kill the broker, until the test is over at the latest."""
    pid = own_broker.pid
    assert pid is not None
    frozen = Absence(partial(os.kill, pid, signal.SIGSTOP), partial(os.kill, pid, signal.SIGCONT))
    killed = Absence(own_broker.kill, own_broker.restart)
    absence = frozen if request.param == "frozen" else killed
    yield absence
    if request.param == "frozen" or own_broker.pid is None:
        absence.end()


@pytest.mark.parametrize("away", ["frozen"], indirect=True)
def test_at_least_once_does_it_again_if_nothing_is_acknowledged(
    own_settings: KafkaSettings,
    own_topics: Topics,
    group: Group,
    away: Absence,
) -> None:
    delivery = at_least_once(own_settings, group.join(), timeout=0.5)
    away.begin()
    with pytest.raises(AbortedError, match=r"^1 alerts .* not acknowledged within 0.5 s"):
        delivery.commit(*one_record(own_topics))


@pytest.mark.parametrize("away", ["frozen", "killed"], indirect=True)
def test_an_absent_coordinator_does_not_hold_up_a_commit(
    own_settings: KafkaSettings, own_topics: Topics, group: Group, away: Absence
) -> None:
    leave: list[Callable[[], None]] = []

    def hook(step: CommitStep) -> None:
        if step is CommitStep.OFFSETS and leave:
            leave.pop()()

    delivery = exactly_once(own_settings, own_topics, group.join(), hook)
    leave.append(away.begin)
    delivery._timeout = 3.0  # the call takes a minute
    with pytest.raises(AbortedError, match="the group's coordinator does not answer"):
        delivery.commit(*one_record(own_topics))
    (left_behind,) = (thread for thread in threading.enumerate() if thread.name == "commit")
    away.end()
    open_at_last(delivery)
    assert not has_open_transaction(own_settings, own_topics.alerts)
    assert alerts(own_settings, own_topics) == []
    left_behind.join(PATIENCE)
    assert not left_behind.is_alive()


def open_at_last(delivery: ExactlyOnce) -> None:
    """Open the sink, again while Kafka does not register its producer."""
    deadline = Deadline(PATIENCE)
    while True:
        try:
            delivery.open()
        except UnavailableError:
            if deadline.is_over:
                raise
        else:
            return


def test_a_broker_that_restarts_during_a_commit_loses_and_repeats_nothing(
    own_broker: EmbeddedBroker,
    own_settings: KafkaSettings,
    own_topics: Topics,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A pause in a commit must not make the watchdog end the process, which is pytest's.
    monkeypatch.setattr("consumer.detector.service.WATCHDOG_SECONDS", 10 * PATIENCE)
    standstill = Standstill()
    hook = at(CommitStep.COMMIT, standstill)
    published = rows(*range(100))
    publish(own_settings, own_topics, payloads([True] * 100))
    running = DetectorThread(own_settings, own_topics, group="crash", hook=hook, journal=True)
    standstill.wait()
    own_broker.kill()
    own_broker.restart()
    standstill.release()
    running.wait_for(lambda: running.value("fraud_alerts_total") == 100)
    running.stop()
    assert alerts(own_settings, own_topics) == published
    assert_scored_once(own_settings, own_topics, published)
