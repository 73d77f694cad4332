"""A broker with TLS, passwords and permissions, and the users of docs/security.md."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kafkaio.settings import KafkaSettings
from tests.support.command import Command
from tests.support.security.grants import GRANTS, USERS
from tests.support.security.secured import Secured, secured_broker

PASSWORD = "correct-horse-battery"  # noqa: S105 - of the users of these tests

Run = Callable[..., Command]


@pytest.fixture(scope="session")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    with secured_broker(tmp_path_factory.mktemp("secured")) as secured:
        for user in USERS:
            secured.add_user(user, PASSWORD)
        secured.grant(grant.binding() for grant in GRANTS)
        yield secured


@pytest.fixture
def properties(secured: Secured) -> Callable[..., dict[str, str]]:
    """Return the properties of a user's client, as docs/security.md shows them."""

    def of(user: str, **changes: str) -> dict[str, str]:
        return {
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": user,
            "sasl.password": PASSWORD,
            "ssl.ca.location": str(secured.authority.certificate),
        } | {name.replace("_", "."): value for name, value in changes.items()}

    return of


@pytest.fixture
def settings_of(
    secured: Secured, properties: Callable[..., dict[str, str]]
) -> Callable[..., KafkaSettings]:
    def of(user: str, **changes: str) -> KafkaSettings:
        return KafkaSettings(secured.address(), properties(user, **changes))

    return of


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Start `fraudstream ...`; the end of the test ends it."""
    started: list[Command] = []

    def start(*arguments: str, **how: Any) -> Command:
        started.append(Command(tmp_path, *arguments, **how))
        return started[-1]

    yield start
    for command in started:
        command.kill()
