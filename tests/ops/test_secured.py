"""compose.tls.yaml requires TLS and a password, and no file of ours contains a password."""

import re
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from tests.support.security.grants import GRANTS, USERS, in_commands
from tests.support.stack import DEPLOY, TLS, fraudstream_arguments, merged

STACK = merged(*TLS)
KAFKA = STACK["services"]["kafka"]["environment"]
CLIENTS = {
    name: service
    for name, service in STACK["services"].items()
    if "FRAUDSTREAM_BROKER" in service.get("environment", {})
}


def listeners(variable: str) -> dict[str, str]:
    """Return "HOST:PORT" by listener."""
    return dict(listener.split("://") for listener in KAFKA[variable].split(","))


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of secrets that secrets.sh creates."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl")
    folder = tmp_path_factory.mktemp("deploy")
    shutil.copy(DEPLOY / "secrets.sh", folder)
    subprocess.run([folder / "secrets.sh"], check=True, capture_output=True)
    return folder / "secrets"


def properties(file: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in file.read_text().splitlines())


def test_plaintext_listeners_are_inside_the_kafka_container_only() -> None:
    spoken = dict(
        pair.split(":") for pair in KAFKA["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(",")
    )
    bound = listeners("KAFKA_LISTENERS")
    assert spoken.keys() == bound.keys()
    for name, address in bound.items():
        inside = address.startswith("localhost:")
        assert spoken[name] == ("PLAINTEXT" if inside else "SASL_SSL"), name
    for port in STACK["services"]["kafka"]["ports"]:
        assert f":{port.rpartition(':')[2]}" in bound.values()


def test_clients_need_a_password_and_explicit_permissions() -> None:
    assert KAFKA["KAFKA_SASL_ENABLED_MECHANISMS"] == "SCRAM-SHA-512"
    assert KAFKA["KAFKA_AUTHORIZER_CLASS_NAME"].endswith(".StandardAuthorizer")
    assert "KAFKA_ALLOW_EVERYONE_IF_NO_ACL_FOUND" not in KAFKA  # false by default
    assert KAFKA["KAFKA_SUPER_USERS"] == "User:ANONYMOUS"


def test_users_have_the_documented_permissions() -> None:
    script = (DEPLOY / "kafka" / "users.sh").read_text()
    assert set(in_commands(script)) == set(GRANTS)
    local = listeners("KAFKA_LISTENERS")["LOCAL"]
    assert f"BOOTSTRAP={local} " in script
    assert script.count("--bootstrap-server $BOOTSTRAP") == script.count("--bootstrap-server")
    assert STACK["services"]["users"]["network_mode"] == "service:kafka"
    for user in USERS:
        assert (
            user.removeprefix("fraudstream-")
            in script.partition("for user in ")[2].split("; do")[0]
        )


@pytest.mark.parametrize("name", CLIENTS)
def test_each_service_has_its_own_user(name: str, secrets: Path) -> None:
    service: dict[str, Any] = CLIENTS[name]
    arguments = fraudstream_arguments(service)
    assert arguments
    user = {"detect": "detector", "replay": "producer"}.get(arguments[0], arguments[0])
    assert service["secrets"] == [f"{user}.properties", "authority.pem"]
    settings = service["environment"]["FRAUDSTREAM_KAFKA_CONFIG"]
    assert settings == f"/run/secrets/{user}.properties"
    given = properties(secrets / f"{user}.properties")
    assert given["sasl.username"] == f"fraudstream-{user}"
    assert given["sasl.username"] in USERS
    assert given["security.protocol"] == "SASL_SSL"
    assert given["ssl.ca.location"] == "/run/secrets/authority.pem"


def test_the_script_makes_the_mounted_secrets_readable_by_their_owner_only(secrets: Path) -> None:
    mounted = {secret["file"].removeprefix("./secrets/") for secret in STACK["secrets"].values()}
    assert {file.name for file in secrets.iterdir()} == mounted
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o700
    files = secrets.glob("*.properties")
    passwords = [properties(file)["sasl.password"] for file in files]
    assert len(set(passwords)) == len(USERS)
    assert all(len(password) == 48 for password in passwords)


def test_the_script_overwrites_no_secret(secrets: Path) -> None:
    before = {file: file.read_bytes() for file in secrets.iterdir()}
    again = subprocess.run(
        [secrets.parent / "secrets.sh"], capture_output=True, text=True, check=False
    )
    assert again.returncode == 2
    assert "already exists" in again.stderr
    assert {file: file.read_bytes() for file in secrets.iterdir()} == before


def test_the_kafka_certificate_covers_the_advertised_names(secrets: Path) -> None:
    authority = x509.load_pem_x509_certificate((secrets / "authority.pem").read_bytes())
    certificate = x509.load_pem_x509_certificate((secrets / "kafka.pem").read_bytes())
    certificate.verify_directly_issued_by(authority)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    advertised = listeners("KAFKA_ADVERTISED_LISTENERS").values()
    assert set(names.get_values_for_type(x509.DNSName)) == {
        listener.split(":")[0] for listener in advertised
    }


def test_no_file_contains_a_password() -> None:
    for file in (*TLS, DEPLOY / "kafka" / "users.sh", DEPLOY / "secrets.sh", DEPLOY / "Dockerfile"):
        for value in re.findall(r"password[\"']?\s*[=:]\s*(\S+)", file.read_text(), re.IGNORECASE):
            assert value.startswith(("$", "//p")), f"{file.name}: {value}"
    ignored = (DEPLOY.parent / ".gitignore").read_text().splitlines()
    assert "/deploy/secrets/" in ignored
