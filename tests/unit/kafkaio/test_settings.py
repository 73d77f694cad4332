"""Client settings: any property passes through, later sources win, secrets are never printed."""

from pathlib import Path

import pytest

from events.topics import Topics
from kafkaio.errors import SettingsError
from kafkaio.settings import KafkaSettings, load_settings


def test_later_sources_win(tmp_path: Path) -> None:
    file = tmp_path / "kafka.properties"
    file.write_text("# ours\nlinger.ms = 1\nclient.id=file\nbootstrap.servers=file:1\n\n")
    environment = {"FRAUDSTREAM_KAFKA_LINGER_MS": "2", "FRAUDSTREAM_KAFKA_ACKS": "1", "HOME": "/"}
    settings = load_settings(
        None, file=file, environment=environment, assignments=["linger.ms=3", "a.b=c=d"]
    )
    assert settings.broker == "file:1"
    assert settings.properties == {
        "linger.ms": "3",
        "client.id": "file",
        "acks": "1",
        "a.b": "c=d",
    }


def test_an_explicit_broker_wins() -> None:
    assert load_settings("a:1", assignments=["bootstrap.servers=b:2"]).broker == "a:1"


def test_user_properties_override_defaults_but_not_required_properties() -> None:
    settings = KafkaSettings("h:1", {"linger.ms": "7"})
    client = settings.client({"linger.ms": 0, "acks": "1"}, required={"enable.auto.commit": False})
    assert client["linger.ms"] == "7"
    assert client["acks"] == "1"
    assert client["enable.auto.commit"] is False
    assert client["bootstrap.servers"] == "h:1"
    with pytest.raises(SettingsError, match=r"linger\.ms cannot be set"):
        settings.client(required={"linger.ms": 0})


@pytest.mark.parametrize(
    "name",
    ["sasl.password", "ssl.key.password", "ssl.key.pem", "sasl.oauthbearer.client.secret"],
)
def test_secrets_are_not_in_the_repr(name: str) -> None:
    settings = KafkaSettings("h:1", {name: "hunter2", "sasl.username": "ada"})
    assert "hunter2" not in repr(settings)


def test_a_malformed_line_is_named_but_not_repeated(tmp_path: Path) -> None:
    file = tmp_path / "kafka.properties"
    file.write_text("acks=1\nhunter2\n")
    with pytest.raises(SettingsError, match="line 2") as caught:
        load_settings(None, file=file)
    assert "hunter2" not in str(caught.value)


def test_a_malformed_assignment_is_rejected_and_not_repeated() -> None:
    with pytest.raises(SettingsError, match="NAME=VALUE") as caught:
        load_settings(None, assignments=["hunter2"])
    assert "hunter2" not in str(caught.value)


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"Cannot read .*: No such file or directory\."):
        load_settings(None, file=tmp_path / "none")


def test_a_prefix_precedes_each_topic() -> None:
    assert Topics("x.").all() == (
        "x.transactions",
        "x.transactions.labels",
        "x.transactions.dlq",
        "x.fraud.alerts",
        "x.transactions.journal",
    )
