"""Imports run one way between the rooms, and only the front door knows the command line."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent

# Every package may also import `errors`, the root of the exceptions, which imports nothing.
MAY_IMPORT = {
    "fraudstream": {"producer", "consumer", "broker", "kafkaio", "model", "dataset", "events"},
    "consumer": {"kafkaio", "model", "events"},
    "producer": {"kafkaio", "dataset", "events"},
    "kafkaio": {"events"},
    "broker": set(),
    "model": {"dataset"},
    "dataset": set(),
    "events": set(),
}
FRONT_DOOR_ONLY = {"click", "rich"}


def imports(file: Path) -> Iterator[str]:
    """Yield the top-level name of everything a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.partition(".")[0]


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_imports_run_one_way(room: str) -> None:
    allowed = MAY_IMPORT[room] | {room}
    for file in (ROOT / room).rglob("*.py"):
        ours = MAY_IMPORT.keys() & set(imports(file))
        assert ours <= allowed, f"{file.relative_to(ROOT)} imports {ours - allowed}"


@pytest.mark.parametrize("room", MAY_IMPORT.keys() - {"fraudstream"})
def test_rooms_do_not_know_the_command_line(room: str) -> None:
    for file in (ROOT / room).rglob("*.py"):
        assert FRONT_DOOR_ONLY.isdisjoint(imports(file)), file.relative_to(ROOT)


def test_the_producer_does_without_tensorflow() -> None:
    for file in (ROOT / "producer").rglob("*.py"):
        assert {"tensorflow", "keras", "sklearn"}.isdisjoint(imports(file)), file.relative_to(ROOT)
