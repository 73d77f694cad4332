"""The rights of docs/security.md are enough, and each of them is needed and told when it lacks."""

from collections.abc import Callable, Iterable

import pytest

from consumer.errors import CommitError
from errors import FraudstreamError
from kafkaio.errors import PermissionMissingError
from kafkaio.settings import KafkaSettings
from kafkaio.topic_reader import TopicReader
from tests.support.command import until
from tests.support.detector import Running, payloads, publish
from tests.support.security import duties
from tests.support.security.rights import PAGE, RIGHTS, USERS, Right, in_commands, in_table
from tests.support.security.secured import Secured


@pytest.fixture
def topics(secured: Secured) -> None:
    duties.make_topics(secured.plaintext)


def test_the_page_has_the_same_rights_in_its_table_and_its_commands() -> None:
    page = PAGE.read_text()
    assert sorted(map(str, in_commands(page))) == sorted(map(str, in_table(page)))
    assert len(set(RIGHTS)) == len(RIGHTS) > 20


def test_with_its_rights_each_user_does_what_it_is_there_for(
    secured: Secured,
    settings_of: Callable[..., KafkaSettings],
    caplog: pytest.LogCaptureFixture,
) -> None:
    everyone = duties.duties(secured.plaintext)
    assert set(everyone) == set(USERS)
    for user, duty in everyone.items():
        duty(settings_of(user))
    assert "authorization" not in caplog.text  # nobody asks for what it does not need


@pytest.mark.parametrize("right", RIGHTS, ids=str)
def test_a_right_that_is_missing_is_named(
    secured: Secured, settings_of: Callable[..., KafkaSettings], topics: None, right: Right
) -> None:
    everyone = duties.duties(secured.plaintext)
    if right.user == "fraudstream-topics":
        everyone[right.user] = lambda settings: duties.create(
            settings, secured.plaintext, but=right.name
        )
    with secured.without(right.binding()), pytest.raises(FraudstreamError) as caught:
        everyone[right.user](settings_of(right.user))
    sentence = str(caught.value)
    named = f"the right {right.operation} on {right.kind.replace('-', ' ')} {right.name}"
    assert named in sentence
    assert "\n" not in sentence
    assert sentence.endswith(".")
    assert caught.value.exit_code in {1, 2}


@pytest.mark.parametrize("delivery", ["exactly-once", "at-least-once"])
def test_a_right_that_is_taken_away_later_ends_the_detector(
    secured: Secured, settings_of: Callable[..., KafkaSettings], topics: None, delivery: str
) -> None:
    running = Running(
        settings_of("fraudstream-detector"),
        duties.TOPICS,
        group="fraudstream-detector",
        delivery=delivery,
    )
    try:
        publish(secured.plaintext, duties.TOPICS, payloads([True]))
        running.wait_for(lambda: running.value("fraud_alerts_total") > 0)
        with secured.without(_one(RIGHTS, "fraudstream-detector", "fraud.alerts").binding()):
            publish(secured.plaintext, duties.TOPICS, payloads([True]))
            with pytest.raises(CommitError, match=r"does not let us write .*authorization"):
                running.join()
    finally:
        running.stopping.set()


def test_a_follower_of_alerts_ends_when_it_may_not_read_any_more(
    secured: Secured, settings_of: Callable[..., KafkaSettings], topics: None
) -> None:
    right = _one(RIGHTS, "fraudstream-alerts", "fraud.alerts")
    with TopicReader(settings_of(right.user), {right.name: False}) as follower:
        assert follower.connect(stopped=duties.never)
        with (
            secured.without(right.binding()),
            pytest.raises(PermissionMissingError, match=r"the right Read on topic fraud\.alerts"),
        ):
            until(follower.read, "an alert, which does not come")


def _one(rights: Iterable[Right], user: str, name: str) -> Right:
    (right,) = (it for it in rights if (it.user, it.name) == (user, name))
    return right
