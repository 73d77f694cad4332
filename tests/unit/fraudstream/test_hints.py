"""Hints for users of the command line, and library packages that leave them to `hints`."""

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import click
import pytest

from errors import FraudstreamError
from fraudstream.hints import HINTS, hint_for
from fraudstream.main import fraudstream
from kafkaio.errors import BrokerUnreachableError, KafkaIOError

ROOT = Path(__file__).resolve().parent.parent.parent.parent
LIBRARIES = ("consumer", "producer", "kafkaio", "model", "dataset", "broker", "events")

# An option, or a command in code style or quotes.
OPTION = re.compile(r"(?<![\w-])--[a-z]|[`']fraudstream [a-z]")
# Kafka's own tools have options too.
KAFKA_COMMAND = re.compile(r"kafka-[a-z]+\.sh[^).;]*")
# The model card tells its readers how to use the artifact.
ALLOWED = {"model/artifact/card.py", "model/artifact/card_tables.py"}


def every_error() -> Iterator[type[FraudstreamError]]:
    for package in (*LIBRARIES, "fraudstream.demo"):
        import_module(f"{package}.errors")
    classes = [FraudstreamError]
    for kind in classes:
        classes += kind.__subclasses__()
        if kind.__module__.partition(".")[0] in {*LIBRARIES, "fraudstream"}:
            yield kind


def test_every_hint_belongs_to_an_error_of_ours() -> None:
    assert HINTS.keys() <= set(every_error())


@pytest.mark.parametrize("kind", HINTS, ids=lambda kind: kind.__name__)
def test_a_hint_is_a_sentence(kind: type[FraudstreamError]) -> None:
    assert re.fullmatch(r"[`A-Z].*[^.]\.", HINTS[kind])
    assert "\n" not in HINTS[kind]


def options(command: click.Command) -> set[str]:
    own = {
        name
        for parameter in command.params
        for name in [*parameter.opts, *parameter.secondary_opts]
    }
    if not isinstance(command, click.Group):
        return own
    context = click.Context(command)
    inner = [command.get_command(context, name) for name in command.list_commands(context)]
    return own.union(*(options(found) for found in inner if found))


@pytest.mark.parametrize("kind", HINTS, ids=lambda kind: kind.__name__)
def test_a_hint_names_existing_options(kind: type[FraudstreamError]) -> None:
    assert set(re.findall(r"--[a-z-]+", HINTS[kind])) <= options(fraudstream)


def test_a_subclass_has_the_hint_of_its_closest_base_class() -> None:
    class StillStartingError(BrokerUnreachableError):
        pass

    assert hint_for(StillStartingError("Kafka is still starting.")) == HINTS[BrokerUnreachableError]
    assert hint_for(KafkaIOError("Kafka failed.")) is None


def test_the_hint_of_the_error_itself_comes_first() -> None:
    error = BrokerUnreachableError("No Kafka.", hint="Plug it in.")
    assert hint_for(error) == "Plug it in."


def strings(node: ast.AST) -> Iterator[str]:
    """Yield the string literals below a node, f-strings without their values, no docstrings."""
    match node:
        case ast.Expr(value=ast.Constant()):
            return
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=values):
            parts = (part.value for part in values if isinstance(part, ast.Constant))
            yield "".join(map(str, parts))
        case _:
            for child in ast.iter_child_nodes(node):
                yield from strings(child)


@pytest.mark.parametrize("package", LIBRARIES)
def test_library_packages_do_not_mention_the_command_line(package: str) -> None:
    found = {
        f"{file.relative_to(ROOT)}: {text}"
        for file in (ROOT / package).rglob("*.py")
        if str(file.relative_to(ROOT)) not in ALLOWED
        for text in strings(ast.parse(file.read_text()))
        if OPTION.search(KAFKA_COMMAND.sub("", text))
    }
    assert not found
