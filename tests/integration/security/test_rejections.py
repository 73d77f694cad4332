"""Each command explains a rejected connection, and what to do, in one sentence."""

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
from tests.support.detector import DetectorThread
from tests.support.security import duties
from tests.support.security.certificates import Identity
from tests.support.security.grants import PAGE
from tests.support.security.secured import HOST, Secured

PASSPHRASE = "open-sesame"  # noqa: S105 - of keys that these tests make
USER = "fraudstream-alerts"
CHECK = "check sasl.username, sasl.password and sasl.mechanism"


@dataclass(frozen=True)
class Case:
    """A mistake and words of its error; `in_page` if docs/security.md quotes the sentence."""

    listener: str
    changes: dict[str, str] = field(default_factory=dict)
    words: tuple[str, ...] = ()
    in_page: bool = False


CASES = {
    "a wrong password": Case("SECURED", {"sasl_password": "wrong"}, (f"user {USER!r}", CHECK)),
    "an unknown user": Case("SECURED", {"sasl_username": "nobody"}, ("user 'nobody'", CHECK)),
    "another mechanism": Case("SECURED", {"sasl_mechanism": "PLAIN"}, ("SCRAM-SHA-512", CHECK)),
    "an expired certificate": Case(
        "EXPIRED", words=("certificate", "has expired; renew it"), in_page=True
    ),
    "a foreign authority": Case(
        "FOREIGN", words=("not from an authority", "ssl.ca.location=FILE"), in_page=True
    ),
    "another host": Case(
        "ELSEWHERE", words=(f"is not for {HOST}", "address Kafka by a name"), in_page=True
    ),
    "no TLS at all": Case(
        "SECURED",
        {"security_protocol": "PLAINTEXT"},
        ("accepts TLS only", "security.protocol=SSL"),
        in_page=True,
    ),
    "a password without TLS": Case(
        "SECURED", {"security_protocol": "SASL_PLAINTEXT"}, ("security.protocol=SASL_SSL",)
    ),
    "TLS without a password": Case(
        "SECURED", {"security_protocol": "SSL"}, ("requires authentication", "SASL_SSL")
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
    running = DetectorThread(settings, duties.TOPICS, group="fraudstream-detector")
    try:
        running.join()
    finally:
        running.stopping.set()


def read_dead_letters(settings: KafkaSettings) -> None:
    topic, group = duties.TOPICS.dead_letters, duties.GROUP
    with DeadLetterReader(settings, topic, group, stopped=duties.never) as reader:
        reader.connect()


@pytest.fixture
def settings_with(
    secured: Secured, properties: Callable[..., dict[str, str]]
) -> Callable[[Case], KafkaSettings]:
    return lambda case: KafkaSettings(
        secured.address(case.listener), properties(USER, **case.changes)
    )


# The other commands connect in the same way as one of these three.
@pytest.mark.parametrize(
    ("command", "name"),
    [(command, name) for command in (produce, follow, detect) for name in CASES]
    + [(command, name) for command in (judge, read_dead_letters) for name in OFTEN],
)
def test_a_rejected_connection_is_one_sentence_that_says_what_to_do(
    secured: Secured,
    settings_with: Callable[[Case], KafkaSettings],
    caplog: pytest.LogCaptureFixture,
    command: Callable[[KafkaSettings], None],
    name: str,
) -> None:
    case = CASES[name]
    with pytest.raises(FraudstreamError) as caught:
        command(settings_with(case))
    sentence = str(caught.value)
    assert all(words in sentence for words in case.words), sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert caught.value.exit_code == 2
    if case.in_page:
        address = secured.address(case.listener)
        assert f"`{sentence.replace(address, 'H:P').replace(HOST, 'H')}`" in PAGE.read_text()
    ours = [
        record.getMessage()
        for record in caplog.records
        if record.name.startswith(("consumer", "kafkaio"))
    ]
    is_warned = any("does not answer" in line for line in ours)
    assert not is_warned or "requires authentication" in sentence  # which takes a while to find out


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafkaio.topics, "REQUEST_SECONDS", 3.0)


@pytest.mark.parametrize("name", OFTEN)
def test_the_topics_command_explains_it_too(
    settings_with: Callable[[Case], KafkaSettings],
    impatient: None,
    capsys: pytest.CaptureFixture[str],
    name: str,
) -> None:
    settings = settings_with(CASES[name])
    options = [
        argument for pair in settings.properties.items() for argument in ("--kafka", "=".join(pair))
    ]
    with pytest.raises(SystemExit) as ending:
        main(["topics", "list", "--broker", settings.broker, *options])
    assert ending.value.code == 2
    error, _, _hint = capsys.readouterr().err.partition("Hint: ")
    assert all(words in error for words in CASES[name].words), error
    assert error.startswith(("Error: Kafka at", "Error: The certificate"))
    assert len([line for line in error.splitlines() if not line.startswith("Hint: ")]) == 1


def test_a_client_certificate_is_accepted_or_the_error_says_why(
    secured: Secured, capsys: pytest.CaptureFixture[str], impatient: None
) -> None:
    def list_topics(identity: Identity, passphrase: str) -> tuple[object, str]:
        lines = {
            "security.protocol": "SSL",
            "ssl.ca.location": secured.authority.certificate,
            "ssl.certificate.location": identity.certificate,
            "ssl.key.location": identity.key,
            "ssl.key.password": passphrase,
        }
        options = [argument for name in lines for argument in ("--kafka", f"{name}={lines[name]}")]
        with pytest.raises(SystemExit) as ending:
            main(["topics", "list", "--broker", secured.address("MUTUAL"), *options])
        written = capsys.readouterr().err
        assert PASSPHRASE not in written
        return ending.value.code, written.partition("Hint: ")[0]

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
        assert "client certificate that it trusts" in error
        assert len([line for line in error.splitlines() if not line.startswith("Hint: ")]) == 1
