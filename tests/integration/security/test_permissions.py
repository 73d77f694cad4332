"""The permissions in docs/security.md suffice, and the error names a missing one."""

from collections.abc import Callable, Iterable
from contextlib import ExitStack

import pytest

from consumer.errors import CommitError
from errors import FraudstreamError
from kafkaio.errors import PermissionMissingError
from kafkaio.settings import KafkaSettings
from kafkaio.topic_reader import TopicReader
from tests.support.command import until
from tests.support.detector import DetectorThread, payloads, publish
from tests.support.security import duties
from tests.support.security.grants import (
    GRANTS,
    OPTIONAL,
    PAGE,
    USERS,
    Grant,
    in_commands,
    in_table,
)
from tests.support.security.secured import Secured


@pytest.fixture
def topics(secured: Secured) -> None:
    duties.make_topics(secured.plaintext)


def test_the_page_grants_the_same_in_its_table_and_its_commands() -> None:
    page = PAGE.read_text()
    assert sorted(map(str, in_commands(page))) == sorted(map(str, in_table(page)))
    assert len(set(GRANTS)) == len(GRANTS) > 20


def test_each_user_can_do_its_work_with_its_permissions(
    secured: Secured,
    settings_of: Callable[..., KafkaSettings],
    caplog: pytest.LogCaptureFixture,
) -> None:
    all_duties = duties.duties(secured.plaintext)
    assert set(all_duties) == set(USERS)
    for user, duty in all_duties.items():
        duty(settings_of(user))
    duties.resume(settings_of("fraudstream-detector"), secured.plaintext)
    assert "authorization" not in caplog.text  # no client requests more than it needs


@pytest.mark.parametrize("grant", [grant for grant in GRANTS if grant not in OPTIONAL], ids=str)
def test_a_missing_permission_is_named(
    secured: Secured, settings_of: Callable[..., KafkaSettings], topics: None, grant: Grant
) -> None:
    all_duties = duties.duties(secured.plaintext)
    if grant.user == "fraudstream-topics":
        all_duties[grant.user] = lambda settings: duties.create(
            settings, secured.plaintext, but=grant.name
        )
    with secured.without(grant.binding()), pytest.raises(FraudstreamError) as caught:
        all_duties[grant.user](settings_of(grant.user))
    sentence = str(caught.value)
    named = f"permission {grant.operation} on {grant.kind.replace('-', ' ')} {grant.name}"
    assert named in sentence
    assert "\n" not in sentence
    assert sentence.endswith(".")
    assert caught.value.exit_code in {1, 2}


def test_a_missing_permission_to_resume_is_named_when_the_offsets_have_expired(
    secured: Secured,
    settings_of: Callable[..., KafkaSettings],
    topics: None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    duties.detect(settings_of("fraudstream-detector"), secured.plaintext)
    with ExitStack() as missing:
        for grant in OPTIONAL:
            missing.enter_context(secured.without(grant.binding()))
        duties.resume(settings_of("fraudstream-detector"), secured.plaintext)
    for grant in OPTIONAL:
        assert f"the permission Read on topic {grant.name}; docs/security.md" in caplog.text


@pytest.mark.parametrize("delivery", ["exactly-once", "at-least-once"])
def test_a_revoked_permission_is_waited_out_and_ends_the_detector_in_the_end(
    secured: Secured, settings_of: Callable[..., KafkaSettings], topics: None, delivery: str
) -> None:
    running = DetectorThread(
        settings_of("fraudstream-detector"),
        duties.TOPICS,
        group="fraudstream-detector",
        delivery=delivery,
        broker_timeout=3.0,
    )
    try:
        publish(secured.plaintext, duties.TOPICS, payloads([True]))
        running.wait_for(lambda: running.value("fraud_alerts_total") > 0)
        grants = [grant for grant in GRANTS if grant.operation == "Write"]
        with secured.without(_one(grants, "fraudstream-detector", "fraud.alerts").binding()):
            publish(secured.plaintext, duties.TOPICS, payloads([True]))
            with pytest.raises(CommitError, match=r"no longer permits writing .*authorization"):
                running.join()
    finally:
        running.stopping.set()


def test_a_revoked_permission_ends_the_topic_reader(
    secured: Secured, settings_of: Callable[..., KafkaSettings], topics: None
) -> None:
    grant = _one(GRANTS, "fraudstream-alerts", "fraud.alerts")
    with TopicReader(settings_of(grant.user), {grant.name: False}) as reader:
        assert reader.connect(stopped=duties.never)
        with (
            secured.without(grant.binding()),
            pytest.raises(
                PermissionMissingError, match=r"the permission Read on topic fraud\.alerts"
            ),
        ):
            until(reader.read, "an alert, which does not come")


def _one(grants: Iterable[Grant], user: str, name: str) -> Grant:
    (found,) = (grant for grant in grants if (grant.user, grant.name) == (user, name))
    return found
