"""Members join, leave and are evicted: everything is processed once."""

from collections.abc import Callable

import pytest

from consumer.commit.sink import CommitStep
from consumer.errors import CommitError
from events.topics import Topics
from kafkaio.settings import KafkaSettings
from tests.support.detector import DetectorThread, payloads, publish, transaction
from tests.support.reading import alerts, assert_scored_once, rows
from tests.support.standstill import HeldModel, Standstill, at

Detect = Callable[..., DetectorThread]
HALF = [number % 2 == 0 for number in range(200)]
"""Every other one of 200 transactions is a fraud."""

IDS = [transaction(number, fraud=False).transaction_id for number in range(200)]
FRAUDS = rows(*range(0, 200, 2))

# Members learn of a rebalance from the response to a heartbeat: sooner, so tests wait less.
LIVELY = {"heartbeat.interval.ms": "100"}
# A session of half a minute, so that a rebalance within seconds is caused by the leave.
PATIENT = LIVELY | {"session.timeout.ms": "30000"}
# A member that does not poll for this long is evicted; brokers accept no shorter session.
IMPATIENT = LIVELY | {"max.poll.interval.ms": "6000", "session.timeout.ms": "6000"}


def rebalances(running: DetectorThread, event: str) -> float:
    return running.value("fraud_kafka_rebalances_total", event=event)


def done(*members: DetectorThread) -> float:
    return sum(member.value("fraud_transactions_scored_total") for member in members)


def test_a_leaving_member_hands_over_its_partitions_at_once(
    kafka_settings: KafkaSettings, topics: Topics, detect: Detect
) -> None:
    patient = KafkaSettings(kafka_settings.broker, PATIENT)
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
    place: CommitStep | None,  # None is in the model, before the commit
) -> None:
    lively = KafkaSettings(kafka_settings.broker, LIVELY)
    publish(kafka_settings, topics, payloads(HALF))
    held = {"hook": at(place, standstill)} if place else {"model": HeldModel(standstill)}
    first = detect(lively, journal=True, **held)
    standstill.wait()
    second = detect(lively, journal=True)
    # The group has a new generation, in which the first member still owns both partitions.
    second.wait_for(lambda: rebalances(second, "assigned") > 0)
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
    kafka_settings: KafkaSettings, topics: Topics, detect: Detect, standstill: Standstill
) -> None:
    lively = KafkaSettings(kafka_settings.broker, LIVELY)
    impatient = KafkaSettings(kafka_settings.broker, IMPATIENT)
    publish(kafka_settings, topics, payloads(HALF))
    zombie = detect(impatient, model=HeldModel(standstill), journal=True)
    standstill.wait()
    other = detect(lively, journal=True)
    other.wait_for(lambda: done(other) == 200)  # the zombie was evicted and does not know
    standstill.release()
    zombie.wait_for(lambda: zombie.value("fraud_kafka_commits_total", outcome="aborted") == 1)
    zombie.wait_for(lambda: rebalances(zombie, "lost") == 1)
    zombie.wait_for(lambda: rebalances(zombie, "assigned") == 2)  # a proper member again
    publish(kafka_settings, topics, [payloads([True] * 201)[200]])
    other.wait_for(lambda: done(zombie, other) == 201)
    zombie.stop()
    other.stop()
    assert alerts(kafka_settings, topics) == rows(*range(0, 201, 2))
    assert_scored_once(kafka_settings, topics, [*IDS, *rows(200)])


def test_the_next_owner_waits_for_the_open_transaction_of_a_zombie(
    kafka_settings: KafkaSettings, topics: Topics, detect: Detect, standstill: Standstill
) -> None:
    lively = KafkaSettings(kafka_settings.broker, LIVELY)
    impatient = KafkaSettings(kafka_settings.broker, IMPATIENT)
    publish(kafka_settings, topics, payloads(HALF))
    zombie = detect(impatient, hook=at(CommitStep.COMMIT, standstill), journal=True)
    standstill.wait()
    scored = int(zombie.model.scored)
    other = detect(lively, journal=True)
    other.wait_for(
        lambda: rebalances(other, "assigned") > 1
    )  # none at first, then those of the zombie
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
