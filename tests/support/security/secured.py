"""The embedded broker with locks on its doors: TLS, passwords, and rights for each user.

Its own two listeners stay what they are, on loopback, and only the node itself and the
administrator of these tests use them. Clients come through others, a door for each certificate.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AdminClient,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from broker.ports import free_port
from broker.server import EmbeddedBroker
from fraudstream.cache import cache_folder
from kafkaio.settings import KafkaSettings
from tests.support.command import until
from tests.support.security.certificates import Authority, Identity

HOST = "127.0.0.1"
SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
SECONDS = 10.0  # for an answer to the administrator


@dataclass(frozen=True)
class Door:
    """A listener: its name, what is spoken there, the certificate shown."""

    name: str
    protocol: str
    identity: Identity
    port: int


class Secured:
    """A broker that lets nobody in without a certificate that holds and a password that fits."""

    def __init__(
        self,
        broker: EmbeddedBroker,
        doors: dict[str, Door],
        authority: Authority,
        foreign: Authority,
    ) -> None:
        self._broker = broker
        self._doors = doors
        self.authority = authority
        self.foreign = foreign
        self.admin = AdminClient({"bootstrap.servers": broker.address})

    @property
    def plaintext(self) -> KafkaSettings:
        """The administrator's way in."""
        return KafkaSettings(self._broker.address)

    def address(self, door: str = "SECURED") -> str:
        return f"{HOST}:{self._doors[door].port}"

    def add_user(self, name: str, password: str) -> None:
        credentials = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
        change = UserScramCredentialUpsertion(name, credentials, password.encode())
        self.admin.alter_user_scram_credentials([change])[name].result(SECONDS)

    def grant(self, rights: Iterable[AclBinding]) -> None:
        for future in self.admin.create_acls(list(rights)).values():
            future.result(SECONDS)

    @contextmanager
    def without(self, right: AclBinding) -> Iterator[None]:
        """Take a right away for as long as the block runs."""
        only = AclBindingFilter(
            right.restype,
            right.name,
            right.resource_pattern_type,
            right.principal,
            right.host,
            right.operation,
            right.permission_type,
        )
        (taken,) = self.admin.delete_acls([only]).values()
        assert len(taken.result(SECONDS)) == 1
        self._await(only, 0)
        yield
        self.grant([right])
        self._await(only, 1)

    def _await(self, which: AclBindingFilter, count: int) -> None:
        """Wait until the broker itself has heard from the controller, and goes by it."""
        until(
            lambda: len(self.admin.describe_acls(which).result(SECONDS)) == count,
            "a change of rights",
        )


@contextmanager
def secured_broker(folder: Path) -> Iterator[Secured]:
    authority, foreign = Authority(folder, "authority"), Authority(folder, "foreign")
    doors = {
        door.name: door
        for door in (
            Door("SECURED", "SASL_SSL", authority.issue("server", host=HOST), free_port()),
            Door(
                "EXPIRED", "SASL_SSL", authority.issue("old", host=HOST, expired=True), free_port()
            ),
            Door("FOREIGN", "SASL_SSL", foreign.issue("stranger", host=HOST), free_port()),
            Door(
                "ELSEWHERE", "SASL_SSL", authority.issue("moved", host="kafka.example"), free_port()
            ),
            Door("MUTUAL", "SSL", authority.issue("mutual", host=HOST), free_port()),
        )
    }
    port, controller = free_port(), free_port()
    with EmbeddedBroker(
        cache=cache_folder("kafka"),
        data=folder / "kafka",
        port=port,
        properties=_properties(doors.values(), authority, folder, port, controller),
    ) as broker:
        yield Secured(broker, doors, authority, foreign)


def _properties(
    doors: Iterable[Door], authority: Authority, folder: Path, port: int, controller: int
) -> dict[str, str]:
    ways = {"PLAINTEXT": port} | {door.name: door.port for door in doors}
    listeners = ",".join(f"{name}://{HOST}:{number}" for name, number in ways.items())
    protocols = {"PLAINTEXT": "PLAINTEXT", "CONTROLLER": "PLAINTEXT"}
    protocols |= {door.name: door.protocol for door in doors}
    properties = {
        "listeners": f"{listeners},CONTROLLER://{HOST}:{controller}",
        "advertised.listeners": listeners,
        "controller.quorum.voters": f"1@{HOST}:{controller}",
        "listener.security.protocol.map": ",".join(f"{it}:{of}" for it, of in protocols.items()),
        "sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "allow.everyone.if.no.acl.found": "false",
        "super.users": "User:ANONYMOUS",  # the node itself, and whoever administers these tests
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(authority.certificate),
    }
    for door in doors:
        store = folder / f"{door.name}.store.pem"
        store.write_text(door.identity.pem())
        ours = f"listener.name.{door.name.lower()}"
        properties |= {
            f"{ours}.ssl.keystore.type": "PEM",
            f"{ours}.ssl.keystore.location": str(store),
            f"{ours}.scram-sha-512.sasl.jaas.config": SCRAM,
            f"{ours}.ssl.client.auth": "required" if door.protocol == "SSL" else "none",
        }
    return properties
