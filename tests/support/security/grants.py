"""The permissions in docs/security.md, read from the page itself, so that it is tested."""

import argparse
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka.admin._acl import AclBinding, AclOperation, AclPermissionType
from confluent_kafka.admin._resource import ResourcePatternType, ResourceType

PAGE = Path(__file__).resolve().parents[3] / "docs" / "security.md"

_KINDS = {
    "topic": ResourceType.TOPIC,
    "group": ResourceType.GROUP,
    "transactional-id": ResourceType.TRANSACTIONAL_ID,
}
_ROW = re.compile(r"\| `([\w-]+)` \| ([\w-]+) \| `([\w.-]+)(\*?)` \| (\w+) \|")

_CALL = argparse.ArgumentParser()
_CALL.add_argument("--allow-principal")
_CALL.add_argument("--resource-pattern-type", default="literal")
for _kind in (*_KINDS, "operation"):
    _CALL.add_argument(f"--{_kind}", action="append", default=[])


@dataclass(frozen=True)
class Grant:
    """A permission of a user on a resource; `prefixed` if the name is a prefix of names."""

    user: str
    kind: str
    name: str
    prefixed: bool
    operation: str

    def __str__(self) -> str:
        return f"{self.user}: {self.operation} {self.kind} {self.name}{'*' * self.prefixed}"

    def binding(self) -> AclBinding:
        return AclBinding(
            _KINDS[self.kind],
            self.name,
            ResourcePatternType.PREFIXED if self.prefixed else ResourcePatternType.LITERAL,
            f"User:{self.user}",
            "*",
            AclOperation[self.operation.upper()],
            AclPermissionType.ALLOW,
        )


def in_table(page: str) -> Iterator[Grant]:
    for user, kind, name, star, operation in _ROW.findall(page):
        yield Grant(user, kind, name, bool(star), operation)


def in_commands(page: str) -> Iterator[Grant]:
    """Yield the permissions that the page's calls of kafka-acls.sh grant."""
    for line in page.replace("\\\n", " ").splitlines():
        if "kafka-acls.sh" in line and "--add" in line:
            call, _ = _CALL.parse_known_args(shlex.split(line))
            for kind in _KINDS:
                for name in getattr(call, kind.replace("-", "_")):
                    for operation in call.operation:
                        prefixed = call.resource_pattern_type == "prefixed"
                        user = call.allow_principal.removeprefix("User:")
                        yield Grant(user, kind, name, prefixed, operation)


GRANTS = tuple(in_table(PAGE.read_text()))
OPTIONAL = {
    grant
    for grant in GRANTS
    if (grant.user, grant.operation) == ("fraudstream-detector", "Read")
    and grant.name in {"fraud.alerts", "transactions.dlq"}
}
"""Permissions that are not needed before the detectors' committed offsets have expired."""

USERS = tuple(dict.fromkeys(grant.user for grant in GRANTS))
