"""The rights that docs/security.md tells, read from the page itself so that it cannot lie."""

import argparse
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    ResourcePatternType,
    ResourceType,
)

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
class Right:
    """What a user may do with a resource; `prefixed` where the name is the beginning of many."""

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


def in_table(page: str) -> Iterator[Right]:
    for user, kind, name, star, operation in _ROW.findall(page):
        yield Right(user, kind, name, bool(star), operation)


def in_commands(page: str) -> Iterator[Right]:
    """Yield what the page's calls of kafka-acls.sh grant."""
    for line in page.replace("\\\n", " ").splitlines():
        if "kafka-acls.sh" in line and "--add" in line:
            call, _ = _CALL.parse_known_args(shlex.split(line))
            for kind in _KINDS:
                for name in getattr(call, kind.replace("-", "_")):
                    for operation in call.operation:
                        prefixed = call.resource_pattern_type == "prefixed"
                        user = call.allow_principal.removeprefix("User:")
                        yield Right(user, kind, name, prefixed, operation)


RIGHTS = tuple(in_table(PAGE.read_text()))
USERS = tuple(dict.fromkeys(right.user for right in RIGHTS))
