"""Kafka is frozen or killed, or crashes and restarts, in the middle of a commit."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from broker.server import EmbeddedBroker
from consumer.commit.sink import AbortedError, CommitStep
from events.topics import Topics
from kafkaio.settings import KafkaSettings
from tests.conftest import ROOT
from tests.support.committing import Group, at_least_once, one_record
from tests.support.detector import PATIENCE, DetectorThread, payloads, publish
from tests.support.reading import alerts, assert_scored_once, rows
from tests.support.standstill import Standstill, at


@pytest.fixture
def away(
    own_broker: EmbeddedBroker, request: pytest.FixtureRequest
) -> Iterator[Callable[[], None]]:
    """Freeze or kill the broker until the test is over."""
    pid = own_broker.pid
    assert pid is not None
    if request.param == "frozen":
        yield lambda: os.kill(pid, signal.SIGSTOP)
        os.kill(pid, signal.SIGCONT)
    else:
        yield own_broker.kill
        own_broker.kill()
        own_broker.restart()


@pytest.mark.parametrize("away", ["frozen"], indirect=True)
def test_at_least_once_does_it_again_if_nothing_is_acknowledged(
    own_settings: KafkaSettings,
    own_topics: Topics,
    group: Group,
    away: Callable[[], None],
) -> None:
    delivery = at_least_once(own_settings, group.join(), timeout=0.5)
    away()
    with pytest.raises(AbortedError, match=r"^1 alerts .* not acknowledged within 0.5 s"):
        delivery.commit(*one_record(own_topics))


@pytest.mark.parametrize("away", ["frozen", "killed"], indirect=True)
def test_an_absent_coordinator_in_a_commit_ends_the_process_in_time(
    own_settings: KafkaSettings, own_topics: Topics, away: Callable[[], None]
) -> None:
    module = "tests.support.commit_once"
    arguments = (own_settings.broker, own_topics.transactions, own_topics.alerts, "3", "4")
    with subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "here\n"
            away()
            _, said = process.communicate("go on\n", timeout=PATIENCE)
        finally:
            process.kill()
    # The call has a timeout of three seconds, and would take a minute.
    expected = "Error: A commit has not returned for 4 s; exiting, so that a new process can"
    assert said.splitlines()[-1].startswith(expected)
    assert process.returncode == 1


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
