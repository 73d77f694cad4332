"""No secret is ever written to output, logs or metrics."""

import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from fraudstream.main import COMMANDS, main
from tests.integration.security.conftest import PASSWORD, Run
from tests.support.command import Command, until
from tests.support.detector import PATIENCE, payloads, publish
from tests.support.security import duties
from tests.support.security.secured import Secured

DETECT = "tests.support.security.detect"
MISTAKE = "incorrect-donkey-charger"
PASSPHRASE = "open-sesame-open"  # noqa: S105


@pytest.fixture
def config(
    secured: Secured, properties: Callable[..., dict[str, str]], tmp_path: Path
) -> Callable[[str], str]:
    """Write the properties of a user to a file, without the password."""
    duties.make_topics(secured.plaintext)

    def write(user: str, **more: str) -> str:
        lines = properties(user, bootstrap_servers=secured.address(), **more)
        file = tmp_path / f"{user}.properties"
        file.write_text(
            "".join(f"{name}={lines[name]}\n" for name in lines if name != "sasl.password")
        )
        return str(file)

    return write


def page(command: Command) -> str:
    command.says("Metrics at")
    (address,) = (line.split()[-1] for line in command.err.splitlines() if "Metrics at" in line)
    with urllib.request.urlopen(address, timeout=PATIENCE) as response:  # noqa: S310 - ours
        text: str = response.read().decode()
    return text


def assert_absent(secret: str, *texts: str) -> None:
    for text in texts:
        assert text
        assert secret not in text


def test_a_password_from_a_variable_works_and_is_not_written(
    secured: Secured, config: Callable[..., str], run: Run
) -> None:
    user = "fraudstream-detector"
    detector = run(
        "--verbose", "--metrics", "127.0.0.1:0", "--kafka-config", config(user, debug="all"),
        module=DETECT,
        further={"FRAUDSTREAM_KAFKA_SASL_PASSWORD": PASSWORD},
    )  # fmt: skip
    publish(secured.plaintext, duties.TOPICS, payloads([True]))
    detector.says("Assigned")
    until(lambda: "fraud_alerts_total 0.0" not in page(detector), "an alert")
    shown = page(detector)
    detector.process.terminate()
    assert detector.process.wait(PATIENCE) == 0
    assert "sasl.username" in detector.err  # all of librdkafka's own log lines are there
    assert_absent(PASSWORD, shown, detector.err)


def test_a_password_from_a_file_is_not_written(
    secured: Secured, config: Callable[..., str], run: Run, tmp_path: Path
) -> None:
    duties.frame().to_csv(tmp_path / "rows.csv", index=False)
    file = config("fraudstream-producer")
    with Path(file).open("a") as lines:
        lines.write(f"sasl.password={PASSWORD}\n")
    replay = run("replay", "--data", str(tmp_path / "rows.csv"), "--kafka-config", file)
    assert replay.process.wait(PATIENCE) == 0, replay.err
    assert_absent(PASSWORD, replay.out, f"-{replay.err}")


@pytest.mark.parametrize(
    ("command", "user"),
    [
        (("alerts",), "fraudstream-alerts"),
        (("quality", "--metrics", "127.0.0.1:0"), "fraudstream-quality"),
        (("dead-letters", "list"), "fraudstream-dead-letters"),
    ],
)
def test_a_wrong_password_is_not_written(
    config: Callable[..., str], run: Run, command: tuple[str, ...], user: str
) -> None:
    rejected = run(*command, "--kafka-config", config(user), "--kafka", f"sasl.password={MISTAKE}")
    assert rejected.process.wait(PATIENCE) == 2
    assert f"rejects user '{user}'" in rejected.err
    assert "Traceback" not in rejected.err
    assert_absent(MISTAKE, rejected.err, f"-{rejected.out}")


def test_a_key_and_its_passphrase_are_not_written(
    secured: Secured, run: Run, tmp_path: Path
) -> None:
    identity = secured.authority.issue("client", passphrase=PASSPHRASE)
    key = identity.key.read_text()
    variables = {
        "FRAUDSTREAM_KAFKA_SECURITY_PROTOCOL": "SSL",
        "FRAUDSTREAM_KAFKA_SSL_CA_LOCATION": str(secured.authority.certificate),
        "FRAUDSTREAM_KAFKA_SSL_CERTIFICATE_PEM": identity.certificate.read_text(),
        "FRAUDSTREAM_KAFKA_SSL_KEY_PEM": key,
        "FRAUDSTREAM_KAFKA_SSL_KEY_PASSWORD": PASSPHRASE,
    }
    where = ("topics", "list", "--broker", secured.address("MUTUAL"))
    accepted = run(*where, further=variables)
    assert accepted.process.wait(PATIENCE) == 0, accepted.err

    wrong = variables | {"FRAUDSTREAM_KAFKA_SSL_KEY_PASSWORD": MISTAKE}
    rejected = run(*where, further=wrong)
    assert rejected.process.wait(PATIENCE) == 2
    broken = run(*where, further=variables | {"FRAUDSTREAM_KAFKA_SSL_KEY_PEM": key[:200]})
    assert broken.process.wait(PATIENCE) == 2
    for command in (accepted, rejected, broken):
        assert command.err.count("\n") <= 6
        for secret in (PASSPHRASE, MISTAKE, *key.splitlines()[1:-1]):
            assert_absent(secret, f"-{command.out}", command.err)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_writes_no_secret(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    monkeypatch.setenv("FRAUDSTREAM_KAFKA_SASL_PASSWORD", PASSWORD)
    monkeypatch.setenv("FRAUDSTREAM_KAFKA", f"sasl.password={PASSWORD}")
    with pytest.raises(SystemExit):
        main([command, "--help"])
    assert_absent(PASSWORD, capsys.readouterr().out)
