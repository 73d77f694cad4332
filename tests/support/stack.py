"""The compose files as Compose reads them: files merged, variables at their defaults."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
PLAIN = (DEPLOY / "compose.yaml",)
TLS = (*PLAIN, DEPLOY / "compose.tls.yaml")
STACKS = {"plain": PLAIN, "tls": TLS}

_VARIABLE = re.compile(r"\$(?:\$|\{(\w+):-([^}]*)\})")
# Lists that a later file replaces; it appends to all others (the Compose Specification, "Merge").
_REPLACED = {"command", "entrypoint", "test"}


def merged(*files: Path) -> dict[str, Any]:
    stack: dict[str, Any] = {}
    for file in files:
        stack = _merge(stack, yaml.safe_load(_VARIABLE.sub(_default, file.read_text())))
    return stack


def variables(*files: Path) -> set[str]:
    """Return the names of the variables that a user can set."""
    found = (_VARIABLE.findall(file.read_text()) for file in files)
    return {name for each in found for name, _ in each if name}


def fraudstream_arguments(service: dict[str, Any]) -> list[str] | None:
    """Return the arguments of a service's `fraudstream` command, None for another program."""
    if not service["image"].startswith("fraudstream/"):
        return None
    command: list[str] = service["command"]
    if "entrypoint" not in service:
        return command
    assert service["entrypoint"] == ["sh", "-c"]
    words = shlex.split(command[0], posix=True)
    arguments = words[words.index("fraudstream") + 1 :]
    return arguments[: arguments.index(">")] if ">" in arguments else arguments


def mounts(service: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each mount's source and target."""
    for volume in service.get("volumes", ()):
        source, target, *_ = volume.split(":")
        yield source, target


def _default(found: re.Match[str]) -> str:
    return found[2] if found[1] else "$"


def _merge(ours: Any, theirs: Any, name: str = "") -> Any:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        both = {key: _merge(ours[key], theirs[key], key) for key in ours.keys() & theirs.keys()}
        return {**ours, **theirs, **both}
    if isinstance(ours, list) and isinstance(theirs, list) and name not in _REPLACED:
        return [*ours, *theirs]
    return theirs
