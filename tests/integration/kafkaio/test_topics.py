"""Topic administration on a real broker."""

import uuid
from datetime import timedelta

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource
from confluent_kafka.admin._resource import ResourceType

from events.topics import Topics
from fraudstream.main import main
from kafkaio.errors import TopicAdminError
from kafkaio.settings import KafkaSettings
from kafkaio.topics import CreatedTopic, create_topics, delete_topics, list_topics


@pytest.fixture
def prefix() -> str:
    return f"test-{uuid.uuid4().hex[:12]}."


def test_creating_twice_changes_nothing(kafka_settings: KafkaSettings, prefix: str) -> None:
    name = f"{prefix}one"
    first = create_topics(kafka_settings, [name, name], partitions=2, retention=None)
    assert first == [CreatedTopic(name, created=True, partitions=2)]
    assert list_topics(kafka_settings)[name] == 2
    again = create_topics(kafka_settings, [name, f"{prefix}two"], partitions=3, retention=None)
    assert again == [
        CreatedTopic(name, created=False, partitions=2),
        CreatedTopic(f"{prefix}two", created=True, partitions=3),
    ]
    assert delete_topics(kafka_settings, [name, f"{prefix}two", f"{prefix}none"]) == [
        name,
        f"{prefix}two",
    ]
    assert not {name, f"{prefix}two"} & list_topics(kafka_settings).keys()


@pytest.mark.parametrize(
    ("retention", "milliseconds"), [(timedelta(hours=2), "7200000"), (None, "-1")]
)
def test_retention_is_set(
    kafka_settings: KafkaSettings, prefix: str, retention: timedelta | None, milliseconds: str
) -> None:
    name = f"{prefix}kept"
    create_topics(kafka_settings, [name], partitions=1, retention=retention)
    resource = ConfigResource(ResourceType.TOPIC, name)
    admin = AdminClient(kafka_settings.client())
    [answer] = admin.describe_configs([resource]).values()
    config = answer.result(30)
    assert config["retention.ms"].value == milliseconds
    assert config["min.insync.replicas"].value == "1"
    delete_topics(kafka_settings, [name])


def test_a_rejected_topic_is_one_sentence(kafka_settings: KafkaSettings, prefix: str) -> None:
    with pytest.raises(TopicAdminError, match=r"Topic .* cannot be created: .*"):
        create_topics(kafka_settings, [f"{prefix} ?"], partitions=1, retention=None)
    with pytest.raises(TopicAdminError, match=r"(?i)replication.factor"):
        create_topics(
            kafka_settings,
            [f"{prefix}x"],
            partitions=1,
            replication_factor=9,
            retention=None,
        )


def test_the_command_reports_the_state_of_each_topic(
    kafka_settings: KafkaSettings, prefix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--broker", kafka_settings.broker, "--topic-prefix", prefix]
    names = Topics(prefix).all()
    assert _run("topics", "list", *where) == 0
    assert capsys.readouterr().err.count("is missing") == 5
    assert _run("topics", "create", *where) == 0
    assert capsys.readouterr().out == "".join(f"{name} created, 4 partitions\n" for name in names)
    assert _run("topics", "create", "--partitions", "1", *where) == 0
    written = capsys.readouterr()
    assert written.out == "".join(f"{name} already exists, 4 partitions\n" for name in names)
    assert written.err.count("keeps its 4 partitions instead of the requested 1") == 5
    assert _run("topics", "list", *where) == 0
    assert capsys.readouterr().out == "".join(f"{name}, 4 partitions\n" for name in names)
    delete_topics(kafka_settings, names)


def test_the_fixture_creates_two_partitions_each(
    kafka_settings: KafkaSettings, topics: Topics
) -> None:
    found = list_topics(kafka_settings)
    assert [found[name] for name in topics.all()] == [2, 2, 2, 2, 2]


def _run(*arguments: str) -> object:
    with pytest.raises(SystemExit) as ending:
        main(arguments)
    return ending.value.code
