"""What ends a command with exit code 1: the errors that the modules it is made of may raise."""

import ast
import functools
import inspect
import textwrap
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
FAILED = 1

Imported = tuple[str, str]
"""A module of ours, and a name that is imported from it."""


def failures(command: Callable[..., Any]) -> list[str]:
    """Return, a sentence each, what ends a command, given as its function, with exit code 1."""
    found = set()
    for module, name in _imported(command):
        error = getattr(import_module(module), name) if module.endswith("errors") else None
        if getattr(error, "exit_code", None) == FAILED:
            found.add((inspect.getdoc(error) or "").partition("\n")[0])
    return sorted(found)


def _imported(command: Callable[..., Any]) -> list[Imported]:
    """Return what the function imports, and what that imports, one through another."""
    found = [
        imported
        for function in _with_called(command)
        for imported in _imports(textwrap.dedent(inspect.getsource(function)))
    ]
    for module, name in found:
        if not module.endswith("errors"):
            for place in (_file(module), _file(f"{module}.{name}")):
                found += [it for it in _imports_of(place) if it not in found] if place else []
    return found


def _with_called(command: Callable[..., Any]) -> list[Any]:
    """Return the function and those of its module that it calls, one through another."""
    found = [inspect.unwrap(command)]
    for function in found:
        for name in function.__code__.co_names:
            called = inspect.unwrap(function.__globals__.get(name, len))
            if getattr(called, "__module__", "") == function.__module__ and called not in found:
                found += [called] if inspect.isfunction(called) else []
    return found


@functools.cache
def _imports_of(file: Path) -> list[Imported]:
    return list(_imports(file.read_text(encoding="utf-8")))


def _imports(code: str) -> Iterator[Imported]:
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and node.module and _file(node.module):
            yield from ((node.module, alias.name) for alias in node.names)


def _file(module: str) -> Path | None:
    place = ROOT.joinpath(*module.split("."))
    files = (place.with_suffix(".py"), place / "__init__.py")
    return next((file for file in files if file.is_file()), None)
