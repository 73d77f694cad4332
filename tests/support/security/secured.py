"""The embedded broker with TLS, passwords and permissions for each user.

Its own two listeners stay unprotected, on loopback, for the node itself and the administrator of
the tests. Clients use further listeners, one for each certificate.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._acl import AclBinding, AclBindingFilter
from confluent_kafka.admin._scram import (
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
# Accepts tokens that are not signed: the tests trust their login server.
OAUTH = (
    "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required "
    'unsecuredLoginStringClaim_sub="broker";'
)
SECONDS = 10.0  # for an answer to a request of the administrator


@dataclass(frozen=True)
class Listener:
    """A listener with its protocol and its certificate."""

    name: str
    protocol: str
    identity: Identity
    port: int


class Secured:
    """A broker that accepts TLS with passwords, tokens or client certificates only."""

    def __init__(
        self,
        broker: EmbeddedBroker,
        listeners: dict[str, Listener],
        authority: Authority,
        foreign: Authority,
    ) -> None:
        self.broker = broker
        self._listeners = listeners
        self.authority = authority
        self.foreign = foreign
        self.admin = AdminClient({"bootstrap.servers": broker.address})

    @property
    def plaintext(self) -> KafkaSettings:
        """The settings of the administrator."""
        return KafkaSettings(self.broker.address)

    def address(self, listener: str = "SECURED") -> str:
        return f"{HOST}:{self._listeners[listener].port}"

    def add_user(self, name: str, password: str) -> None:
        credentials = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
        change = UserScramCredentialUpsertion(name, credentials, password.encode())
        self.admin.alter_user_scram_credentials([change])[name].result(SECONDS)

    def grant(self, bindings: Iterable[AclBinding]) -> None:
        for future in self.admin.create_acls(list(bindings)).values():
            future.result(SECONDS)

    @contextmanager
    def without(self, binding: AclBinding) -> Iterator[None]:
        """Revoke a permission for as long as the block runs."""
        only = AclBindingFilter(
            binding.restype,
            binding.name,
            binding.resource_pattern_type,
            binding.principal,
            binding.host,
            binding.operation,
            binding.permission_type,
        )
        (revoked,) = self.admin.delete_acls([only]).values()
        assert len(revoked.result(SECONDS)) == 1
        self._await(only, 0)
        try:
            yield
        finally:
            self.grant([binding])
            self._await(only, 1)

    def _await(self, which: AclBindingFilter, count: int) -> None:
        """Wait until the broker itself has received the change from the controller."""
        until(
            lambda: len(self.admin.describe_acls(which).result(SECONDS)) == count,
            "a change of permissions",
        )


@contextmanager
def secured_broker(folder: Path) -> Iterator[Secured]:
    authority, foreign = Authority(folder, "authority"), Authority(folder, "foreign")
    listeners = {
        listener.name: listener
        for listener in (
            Listener("SECURED", "SASL_SSL", authority.issue("server", host=HOST), free_port()),
            Listener(
                "EXPIRED", "SASL_SSL", authority.issue("old", host=HOST, expired=True), free_port()
            ),
            Listener("FOREIGN", "SASL_SSL", foreign.issue("stranger", host=HOST), free_port()),
            Listener(
                "ELSEWHERE", "SASL_SSL", authority.issue("moved", host="kafka.example"), free_port()
            ),
            Listener("OAUTH", "SASL_SSL", authority.issue("tokens", host=HOST), free_port()),
            Listener("MUTUAL", "SSL", authority.issue("mutual", host=HOST), free_port()),
        )
    }
    port, controller = free_port(), free_port()
    with EmbeddedBroker(
        cache=cache_folder("kafka"),
        data=folder / "kafka",
        port=port,
        properties=_properties(listeners.values(), authority, folder, port, controller),
    ) as broker:
        yield Secured(broker, listeners, authority, foreign)


def _properties(
    listeners: Iterable[Listener], authority: Authority, folder: Path, port: int, controller: int
) -> dict[str, str]:
    ports = {"PLAINTEXT": port} | {listener.name: listener.port for listener in listeners}
    addresses = ",".join(f"{name}://{HOST}:{number}" for name, number in ports.items())
    protocols = {"PLAINTEXT": "PLAINTEXT", "CONTROLLER": "PLAINTEXT"}
    protocols |= {listener.name: listener.protocol for listener in listeners}
    properties = {
        "listeners": f"{addresses},CONTROLLER://{HOST}:{controller}",
        "advertised.listeners": addresses,
        "controller.quorum.voters": f"1@{HOST}:{controller}",
        "listener.security.protocol.map": ",".join(
            f"{name}:{protocol}" for name, protocol in protocols.items()
        ),
        "sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.oauth.sasl.enabled.mechanisms": "OAUTHBEARER",
        "listener.name.oauth.oauthbearer.sasl.jaas.config": OAUTH,
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "allow.everyone.if.no.acl.found": "false",
        "super.users": "User:ANONYMOUS",  # the node itself and the administrator of the tests
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(authority.certificate),
    }
    for listener in listeners:
        store = folder / f"{listener.name}.store.pem"
        store.write_text(listener.identity.pem())
        ours = f"listener.name.{listener.name.lower()}"
        properties |= {
            f"{ours}.ssl.keystore.type": "PEM",
            f"{ours}.ssl.keystore.location": str(store),
            f"{ours}.scram-sha-512.sasl.jaas.config": SCRAM,
            f"{ours}.ssl.client.auth": "required" if listener.protocol == "SSL" else "none",
        }
    return properties
