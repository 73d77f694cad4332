"""Whoever is not let in is told why, and what to do, in one sentence, by each command."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from prometheus_client import CollectorRegistry

import kafkaio.topics
from consumer.alerts.follow import follow_alerts
from consumer.dead_letters.reader import DeadLetterReader
from consumer.quality.monitor import run_quality
from errors import FraudstreamError
from fraudstream.main import main
from kafkaio.settings import KafkaSettings
from producer.replay import replay
from tests.support.detector import Running
from tests.support.security import duties
from tests.support.security.certificates import Identity
from tests.support.security.rights import PAGE
from tests.support.security.secured import HOST, Secured

PASSPHRASE = "open-sesame"  # noqa: S105 - of keys that these tests make
USER = "fraudstream-alerts"
CHECK = "check sasl.username, sasl.password and sasl.mechanism"


@dataclass(frozen=True)
class Case:
    """A mistake, and the words that tell it; `in_page` where docs/security.md has the sentence."""

    door: str
    changes: dict[str, str] = field(default_factory=dict)
    told: tuple[str, ...] = ()
    in_page: bool = False


CASES = {
    "a wrong password": Case("SECURED", {"sasl_password": "wrong"}, (f"user {USER!r}", CHECK)),
    "an unknown user": Case("SECURED", {"sasl_username": "nobody"}, ("user 'nobody'", CHECK)),
    "another mechanism": Case("SECURED", {"sasl_mechanism": "PLAIN"}, ("SCRAM-SHA-512", CHECK)),
    "an expired certificate": Case(
        "EXPIRED", told=("certificate", "has expired; have it renewed"), in_page=True
    ),
    "a foreign authority": Case(
        "FOREIGN", told=("not from an authority", "ssl.ca.location=FILE"), in_page=True
    ),
    "another host": Case(
        "ELSEWHERE", told=(f"is not for {HOST}", "--broker HOST:PORT"), in_page=True
    ),
    "no TLS at all": Case(
        "SECURED",
        {"security_protocol": "PLAINTEXT"},
        ("speaks TLS only", "security.protocol=SSL"),
        in_page=True,
    ),
    "a password without TLS": Case(
        "SECURED", {"security_protocol": "SASL_PLAINTEXT"}, ("security.protocol=SASL_SSL",)
    ),
    "TLS without a password": Case(
        "SECURED", {"security_protocol": "SSL"}, ("wants to know who we are", "SASL_SSL")
    ),
    "TLS without a certificate": Case(
        "MUTUAL", {"security_protocol": "SSL"}, ("ssl.certificate.location",)
    ),
}


OFTEN = ("a wrong password", "an expired certificate", "no TLS at all")


def produce(settings: KafkaSettings) -> None:
    replay(duties.frame(), settings, duties.TOPICS)


def follow(settings: KafkaSettings) -> None:
    follow_alerts(settings, duties.TOPICS, show=print, stopped=duties.never)


def judge(settings: KafkaSettings) -> None:
    run_quality(
        settings,
        duties.TOPICS,
        grace=0.0,
        from_beginning=True,
        metrics_host=HOST,
        metrics_port=0,
        registry=CollectorRegistry(),
        show=print,
        every=1.0,
        stopped=duties.never,
    )


def detect(settings: KafkaSettings) -> None:
    running = Running(settings, duties.TOPICS, group="fraudstream-detector")
    try:
        running.join()
    finally:
        running.stopping.set()


def read_dead_letters(settings: KafkaSettings) -> None:
    topic, group = duties.TOPICS.dead_letters, duties.GROUP
    with DeadLetterReader(settings, topic, group, stopped=duties.never) as reader:
        reader.connect()


@pytest.fixture
def mistaken(
    secured: Secured, properties: Callable[..., dict[str, str]]
) -> Callable[[Case], KafkaSettings]:
    return lambda case: KafkaSettings(secured.address(case.door), properties(USER, **case.changes))


# How the others come in is how one of these three does.
@pytest.mark.parametrize(
    ("command", "name"),
    [(command, name) for command in (produce, follow, detect) for name in CASES]
    + [(command, name) for command in (judge, read_dead_letters) for name in OFTEN],
)
def test_a_refusal_is_one_sentence_that_says_what_to_do(
    secured: Secured,
    mistaken: Callable[[Case], KafkaSettings],
    caplog: pytest.LogCaptureFixture,
    command: Callable[[KafkaSettings], None],
    name: str,
) -> None:
    case = CASES[name]
    with pytest.raises(FraudstreamError) as caught:
        command(mistaken(case))
    sentence = str(caught.value)
    assert all(words in sentence for words in case.told), sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert caught.value.exit_code == 2
    if case.in_page:
        address = secured.address(case.door)
        assert f"`{sentence.replace(address, 'H:P').replace(HOST, 'H')}`" in PAGE.read_text()
    ours = [it.getMessage() for it in caplog.records if it.name.startswith("consumer")]
    warned = any("does not answer" in line for line in ours)
    assert not warned or "wants to know who we are" in sentence  # which takes a moment to be sure


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafkaio.topics, "REQUEST_SECONDS", 3.0)


@pytest.mark.parametrize("name", OFTEN)
def test_the_topics_command_says_it_too(
    mistaken: Callable[[Case], KafkaSettings],
    impatient: None,
    capsys: pytest.CaptureFixture[str],
    name: str,
) -> None:
    settings = mistaken(CASES[name])
    options = [it for pair in settings.properties.items() for it in ("--kafka", "=".join(pair))]
    with pytest.raises(SystemExit) as ending:
        main(["topics", "list", "--broker", settings.broker, *options])
    assert ending.value.code == 2
    error = capsys.readouterr().err
    assert all(words in error for words in CASES[name].told), error
    assert error.startswith(("Error: Kafka at", "Error: The certificate"))
    assert len([line for line in error.splitlines() if not line.startswith("Hint: ")]) == 1


def test_a_client_with_a_certificate_of_its_own_is_let_in_or_told(
    secured: Secured, capsys: pytest.CaptureFixture[str], impatient: None
) -> None:
    def list_topics(identity: Identity, passphrase: str) -> tuple[int, str]:
        lines = {
            "security.protocol": "SSL",
            "ssl.ca.location": secured.authority.certificate,
            "ssl.certificate.location": identity.certificate,
            "ssl.key.location": identity.key,
            "ssl.key.password": passphrase,
        }
        options = [it for name in lines for it in ("--kafka", f"{name}={lines[name]}")]
        with pytest.raises(SystemExit) as ending:
            main(["topics", "list", "--broker", secured.address("MUTUAL"), *options])
        error = capsys.readouterr().err
        assert PASSPHRASE not in error
        return ending.value.code, error

    good = secured.authority.issue("client", passphrase=PASSPHRASE)
    code, error = list_topics(good, PASSPHRASE)
    assert (code, "missing" in error) == (0, True)

    code, error = list_topics(good, f"{PASSPHRASE}-not")
    assert code == 2
    assert "ssl.key" in error
    assert len([line for line in error.splitlines() if not line.startswith("Hint: ")]) == 1

    for stranger in (
        secured.foreign.issue("foreign client", passphrase=PASSPHRASE),
        secured.authority.issue("old client", passphrase=PASSPHRASE, expired=True),
    ):
        code, error = list_topics(stranger, PASSPHRASE)
        assert code == 2
        assert "client's certificate that it trusts" in error
        assert len([line for line in error.splitlines() if not line.startswith("Hint: ")]) == 1
