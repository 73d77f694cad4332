"""Members join, leave, restart and are evicted, by both group protocols: all is processed once."""

from collections.abc import Callable

import pytest

from consumer.commit.sink import CommitStep
from consumer.errors import CommitError
from events.topics import Topics
from kafkaio.clients import make_admin
from kafkaio.settings import KafkaSettings
from tests.support.detector import PATIENCE, DetectorThread, payloads, publish, transaction
from tests.support.reading import alerts, assert_scored_once, rows
from tests.support.standstill import HeldModel, Standstill, at

Detect = Callable[..., DetectorThread]
HALF = [number % 2 == 0 for number in range(200)]
"""Every other one of 200 transactions is a fraud."""

IDS = [transaction(number, fraud=False).transaction_id for number in range(200)]
FRAUDS = rows(*range(0, 200, 2))

# Members learn of a rebalance from the response to a heartbeat: sooner, so tests wait less. With
# group.protocol=consumer the broker sets heartbeats and sessions (broker.properties).
LIVELY = {
    "classic": {"heartbeat.interval.ms": "100"},
    "consumer": {"group.protocol": "consumer"},
}
# A session of half a minute, so that a rebalance within seconds is caused by the leave.
PATIENT = LIVELY | {"classic": LIVELY["classic"] | {"session.timeout.ms": "30000"}}
# A member that does not poll for this long is evicted; brokers accept no shorter session.
IMPATIENT = {
    "classic": LIVELY["classic"] | {"max.poll.interval.ms": "6000", "session.timeout.ms": "6000"},
    "consumer": LIVELY["consumer"] | {"max.poll.interval.ms": "6000"},
}


@pytest.fixture(params=list(LIVELY))
def protocol(request: pytest.FixtureRequest) -> str:
    """The value of `group.protocol`."""
    return str(request.param)


def shares(settings: KafkaSettings, member: DetectorThread) -> list[int]:
    """Return how many partitions each member of the group owns, in ascending order."""
    group = member.options.group
    admin = make_admin(settings.client())  # a name keeps it alive until it has answered
    members = admin.describe_consumer_groups([group])[group].result(PATIENCE).members
    return sorted(len(member.assignment.topic_partitions) for member in members)


def rebalances(running: DetectorThread, event: str) -> float:
    return running.value("fraud_kafka_rebalances_total", event=event)


def done(*members: DetectorThread) -> float:
    return sum(member.value("fraud_transactions_scored_total") for member in members)


def test_a_leaving_member_hands_over_its_partitions_at_once(
    kafka_settings: KafkaSettings, topics: Topics, detect: Detect, protocol: str
) -> None:
    patient = KafkaSettings(kafka_settings.broker, PATIENT[protocol])
    first, second = detect(patient, journal=True), detect(patient, journal=True)
    second.wait_for(lambda: all(rebalances(one, "assigned") for one in (first, second)))
    publish(kafka_settings, topics, payloads(HALF)[:100])
    second.wait_for(lambda: done(first, second) == 100)
    first.stop()
    publish(kafka_settings, topics, payloads(HALF)[100:])
    second.wait_for(lambda: done(first, second) == 200)
    second.stop()
    assert alerts(kafka_settings, topics) == FRAUDS
    assert_scored_once(kafka_settings, topics, IDS)


@pytest.mark.parametrize("place", [None, CommitStep.COMMIT, CommitStep.DONE])
def test_a_member_that_joins_during_a_batch_does_not_disturb_it(
    kafka_settings: KafkaSettings,
    topics: Topics,
    detect: Detect,
    standstill: Standstill,
    protocol: str,
    place: CommitStep | None,  # None is in the model, before the commit
) -> None:
    lively = KafkaSettings(kafka_settings.broker, LIVELY[protocol])
    publish(kafka_settings, topics, payloads(HALF))
    held = {"hook": at(place, standstill)} if place else {"model": HeldModel(standstill)}
    first = detect(lively, journal=True, **held)
    standstill.wait()
    second = detect(lively, journal=True)
    # The group has a new generation, in which the first member still owns both partitions. With
    # group.protocol=consumer the second is given nothing before the first revokes.
    if protocol == "classic":
        second.wait_for(lambda: rebalances(second, "assigned") > 0)
    else:
        second.wait_for(lambda: shares(kafka_settings, second) == [0, 1])
    assert second.model.scored == 0
    standstill.release()
    second.wait_for(lambda: done(first, second) == 200)
    first.wait_for(lambda: rebalances(first, "revoked") > 0)
    first.stop()
    second.stop()
    assert first.value("fraud_kafka_commits_total", outcome="aborted") == 0
    assert alerts(kafka_settings, topics) == FRAUDS
    assert_scored_once(kafka_settings, topics, IDS)


def test_a_zombie_cannot_commit_what_others_took_over(
    kafka_settings: KafkaSettings,
    topics: Topics,
    detect: Detect,
    standstill: Standstill,
    protocol: str,
) -> None:
    lively = KafkaSettings(kafka_settings.broker, LIVELY[protocol])
    impatient = KafkaSettings(kafka_settings.broker, IMPATIENT[protocol])
    publish(kafka_settings, topics, payloads(HALF))
    zombie = detect(impatient, model=HeldModel(standstill), journal=True)
    standstill.wait()
    other = detect(lively, journal=True)
    other.wait_for(lambda: done(other) == 200)  # the zombie was evicted and does not know
    standstill.release()
    zombie.wait_for(lambda: zombie.value("fraud_kafka_commits_total", outcome="aborted") >= 1)
    zombie.wait_for(lambda: rebalances(zombie, "lost") >= 1)
    zombie.wait_for(lambda: rebalances(zombie, "assigned") >= 2)  # a proper member again
    publish(kafka_settings, topics, [payloads([True] * 201)[200]])
    other.wait_for(lambda: done(zombie, other) == 201)
    zombie.stop()
    other.stop()
    assert alerts(kafka_settings, topics) == rows(*range(0, 201, 2))
    assert_scored_once(kafka_settings, topics, [*IDS, *rows(200)])


def test_the_next_owner_waits_for_the_open_transaction_of_a_zombie(
    kafka_settings: KafkaSettings,
    topics: Topics,
    detect: Detect,
    standstill: Standstill,
    protocol: str,
) -> None:
    lively = KafkaSettings(kafka_settings.broker, LIVELY[protocol])
    impatient = KafkaSettings(kafka_settings.broker, IMPATIENT[protocol])
    publish(kafka_settings, topics, payloads(HALF))
    zombie = detect(impatient, hook=at(CommitStep.COMMIT, standstill), journal=True)
    standstill.wait()
    scored = int(zombie.model.scored)
    other = detect(lively, journal=True)
    # The group has evicted the zombie, and gave both partitions to the other member.
    other.wait_for(
        lambda: rebalances(other, "assigned") > 0 and shares(kafka_settings, other) == [2]
    )
    assert other.model.scored <= 200 - scored
    standstill.release()
    other.wait_for(lambda: done(zombie, other) == 200)
    try:
        zombie.stop()
    except CommitError:  # on a busy machine, Kafka aborts its transaction first
        assert done(other) == 200
    other.stop()
    assert alerts(kafka_settings, topics) == FRAUDS
    assert_scored_once(kafka_settings, topics, IDS)


def test_a_static_member_that_restarts_gets_its_partitions_back_and_disturbs_nobody(
    kafka_settings: KafkaSettings, topics: Topics, detect: Detect, protocol: str
) -> None:
    def member(name: str) -> DetectorThread:
        properties = PATIENT[protocol] | {"group.instance.id": name}
        return detect(KafkaSettings(kafka_settings.broker, properties), journal=True)

    first, second = member("first"), member("second")
    second.wait_for(lambda: shares(kafka_settings, second) == [1, 1])
    before = rebalances(second, "assigned"), rebalances(second, "revoked")
    publish(kafka_settings, topics, payloads(HALF)[:100])
    second.wait_for(lambda: done(first, second) == 100)
    first.stop()
    publish(kafka_settings, topics, payloads(HALF)[100:])
    again = member("first")
    second.wait_for(lambda: done(first, second, again) == 200)
    assert again.model.scored > 0
    assert (rebalances(second, "assigned"), rebalances(second, "revoked")) == before
    again.stop()
    second.stop()
    assert alerts(kafka_settings, topics) == FRAUDS
    assert_scored_once(kafka_settings, topics, IDS)
