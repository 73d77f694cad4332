"""Imports run one way between packages, and only `fraudstream` knows the command line."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.pages import fences, mermaid_arrows

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
COMMAND_LINE_ONLY = {"click", "rich"}


def imports(file: Path) -> Iterator[str]:
    """Yield the top-level name of every import in a file."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.partition(".")[0]


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_imports_run_one_way(package: str) -> None:
    allowed = MAY_IMPORT[package] | {package}
    for file in (ROOT / package).rglob("*.py"):
        ours = MAY_IMPORT.keys() & set(imports(file))
        assert ours <= allowed, f"{file.relative_to(ROOT)} imports {ours - allowed}"


@pytest.mark.parametrize("package", sorted(MAY_IMPORT.keys() - {"fraudstream"}))
def test_library_packages_do_not_know_the_command_line(package: str) -> None:
    for file in (ROOT / package).rglob("*.py"):
        assert COMMAND_LINE_ONLY.isdisjoint(imports(file)), file.relative_to(ROOT)


def test_the_producer_does_not_import_tensorflow() -> None:
    for file in (ROOT / "producer").rglob("*.py"):
        assert {"tensorflow", "keras", "sklearn"}.isdisjoint(imports(file)), file.relative_to(ROOT)


def test_the_diagram_of_the_packages_shows_the_allowed_imports() -> None:
    *_, diagram = fences(ROOT / "docs" / "architecture.md", "mermaid")
    allowed = {(package, other) for package in MAY_IMPORT for other in MAY_IMPORT[package]}
    assert mermaid_arrows(diagram) == allowed
