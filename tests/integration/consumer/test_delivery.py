"""Both sinks on a real Kafka: what is rejected, what is aborted, what ends the process.

What can go wrong in a commit has one of three ends: it is tried again within the commit; it is
aborted, and the loop does the work again; or its outcome is known once the sink is open again.
"""

import pytest
from confluent_kafka import Consumer

from consumer.commit.sink import AbortedError, CommitStep, UncertainError
from events.topics import Topics
from kafkaio.settings import KafkaSettings
from tests.support.committing import (
    RECORD,
    Group,
    Remembered,
    at_least_once,
    exactly_once,
    one_record,
)
from tests.support.reading import alerts, readable
from tests.support.standstill import at


@pytest.mark.parametrize("since", ["another joined", "it left"])
def test_a_commit_of_an_earlier_generation_is_aborted_with_its_alerts(
    own_settings: KafkaSettings, own_topics: Topics, group: Group, since: str
) -> None:
    def until_written() -> None:
        while not readable(own_settings, own_topics.alerts, "read_uncommitted"):
            pass

    member = group.join()
    zombie = Remembered(member)
    if since == "it left":
        group.leave(member)
    successor = group.join()
    refused = exactly_once(own_settings, own_topics, zombie, at(CommitStep.OFFSETS, until_written))
    with pytest.raises(AbortedError, match=r"generation id is not valid|Unknown member"):
        refused.commit(*one_record(own_topics))
    assert readable(own_settings, own_topics.alerts, "read_uncommitted") == [RECORD.encode()]
    assert alerts(own_settings, own_topics) == []
    assert group.committed() < 0
    exactly_once(own_settings, own_topics, successor).commit(*one_record(own_topics))
    assert alerts(own_settings, own_topics) == [RECORD]
    assert group.committed() == 1


def test_at_least_once_commits_offsets_only_as_a_member_of_the_group(
    own_settings: KafkaSettings, own_topics: Topics, group: Group
) -> None:
    member = group.join()
    stranger = Consumer(own_settings.client({"group.id": own_topics.prefix}))
    with pytest.raises(AbortedError, match="Unknown member"):
        at_least_once(own_settings, stranger).commit(*one_record(own_topics))
    stranger.close()
    assert group.committed() < 0
    at_least_once(own_settings, member).commit(*one_record(own_topics))
    assert group.committed() == 1
    assert alerts(own_settings, own_topics) == [RECORD, RECORD]  # twice, with the same key


def test_a_transaction_that_times_out_is_aborted_by_kafka_and_its_producer_replaced(
    own_settings: KafkaSettings, own_topics: Topics, group: Group
) -> None:
    seen: list[str] = []
    waits = True

    def until_aborted() -> None:
        # A read_committed reader waits until the open transaction ends: here, by Kafka's abort.
        if waits:
            seen.extend(alerts(own_settings, own_topics))

    member = group.join()
    late = exactly_once(own_settings, own_topics, member, at(CommitStep.COMMIT, until_aborted))
    with pytest.raises(UncertainError, match="fenced"):
        late.commit(*one_record(own_topics))
    assert seen == []
    waits = False
    late.open()
    assert group.committed() < 0
    late.commit(*one_record(own_topics))
    assert group.committed() == 1
    assert alerts(own_settings, own_topics) == [RECORD]
