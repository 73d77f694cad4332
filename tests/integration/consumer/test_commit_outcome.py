"""A broker that is lost in a commit or at the start is waited for, in the same process."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from consumer.commit.sink import CommitStep
from events.topics import Topics
from kafkaio.errors import BrokerUnavailableError
from kafkaio.permissions import require_permissions
from kafkaio.settings import KafkaSettings
from kafkaio.topics import create_topics
from tests.chaos.proxy import NORMAL, NetworkConditions
from tests.integration.consumer.conftest import QUICK
from tests.support.detector import OPTIONS, PATIENCE, DetectorThread, payloads, publish
from tests.support.proxied import ProxiedBroker, proxied_broker
from tests.support.reading import PARTITIONS, alerts, assert_scored_once, rows
from tests.support.standstill import at

STALLED = NetworkConditions(flowing=False)  # what is under way arrives later
CUT = NetworkConditions(accepting=False)


@pytest.fixture(scope="module")
def proxied() -> Iterator[ProxiedBroker]:
    with proxied_broker(QUICK) as broker:
        yield broker


@pytest.fixture
def proxied_topics(proxied: ProxiedBroker) -> Topics:
    topics = Topics(f"test-{uuid.uuid4().hex[:12]}.")
    create_topics(proxied.direct, topics.all(), partitions=PARTITIONS, retention=None)
    return topics


class Once:
    """Does something the first time it is called."""

    def __init__(self, act: Callable[[], object]) -> None:
        self._act = act
        self.done = False

    def __call__(self) -> None:
        if not self.done:
            self.done = True
            self._act()


@pytest.mark.parametrize("conditions", [STALLED, CUT], ids=["stalled", "cut"])
@pytest.mark.parametrize("step", [CommitStep.OFFSETS, CommitStep.COMMIT])
def test_a_commit_without_an_answer_is_settled_by_a_new_producer(
    proxied: ProxiedBroker,
    proxied_topics: Topics,
    caplog: pytest.LogCaptureFixture,
    conditions: NetworkConditions,
    step: CommitStep,
) -> None:
    published = rows(*range(100))
    publish(proxied.direct, proxied_topics, payloads([True] * 100))
    running = DetectorThread(
        proxied.through_proxy,
        proxied_topics,
        group=proxied_topics.prefix,
        hook=at(step, Once(lambda: proxied.proxy.apply(conditions))),
        broker_timeout=120.0,
        journal=True,
    )
    try:
        running.wait_for(lambda: "trying again" in caplog.text)
        proxied.proxy.apply(NORMAL)
        running.wait_for(lambda: running.value("fraud_alerts_total") == 100)
        publish(proxied.direct, proxied_topics, payloads([False] * 100 + [True] * 100)[100:])
        running.wait_for(lambda: running.value("fraud_alerts_total") == 200)
    finally:
        proxied.proxy.apply(NORMAL)
        running.stop()
    published = rows(*range(200))
    assert alerts(proxied.direct, proxied_topics) == published
    assert_scored_once(proxied.direct, proxied_topics, published)
    assert running.value("fraud_transactions_scored_total") == 200


def test_a_start_waits_for_a_broker_that_is_lost_after_its_first_answer(
    proxied: ProxiedBroker, proxied_topics: Topics
) -> None:
    looks = 0

    def stopped() -> bool:
        nonlocal looks
        looks += 1
        proxied.proxy.apply(CUT if looks < 3 else NORMAL)
        return False

    options = replace(OPTIONS, group=proxied_topics.prefix)
    permissions = options.permissions(proxied_topics)
    require_permissions(proxied.through_proxy, permissions, stopped=stopped, answer_within=PATIENCE)
    assert looks >= 3
    with pytest.raises(BrokerUnavailableError, match="does not answer"):
        require_permissions(
            KafkaSettings("127.0.0.1:1"), permissions, stopped=lambda: False, answer_within=0.1
        )
