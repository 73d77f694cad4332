"""The commands in the pages exist: make targets, modules, sub-commands, options, choices."""

import re
import shlex
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

import click
import pytest

from fraudstream.main import fraudstream
from tests.support.pages import NAMES, PAGES, ROOT, shell_lines, spans

MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = dict(re.findall(r"^([a-z]+):.*## .*\n(?:\t@(.*))?", MAKEFILE, re.MULTILINE))


def commands(line: str) -> Iterator[list[str]]:
    """Yield the words of each command in a line of shell, without comments and redirections."""
    words: list[str] = []
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    for word in [*lexer, ";"]:
        if set(word) <= set("();<>|&"):
            yield words
            words = []
        elif words or not re.match(r"[A-Z_]+=", word):  # a variable before a command
            words.append(word)


def named(page: Path) -> Iterator[list[str]]:
    """Yield the commands in a page's shell blocks and sentences."""
    for line in shell_lines(page):
        yield from commands(line)
    for span in spans(page):
        if re.match(r"(make|python -m|(\S+/)?fraudstream) [a-z-]", span):
            yield from commands(span)


@cache
def options_of_ours() -> set[str]:
    """Return the options of our command line, the benchmarks and the tests."""
    texts = [MAKEFILE]
    for room in ("fraudstream", "benchmarks", "tests"):
        texts += [
            file.read_text() for file in (ROOT / room).rglob("*.py") if file != Path(__file__)
        ]
    return {option for text in texts for option in re.findall(r'["/ ](--[a-z][a-z-]+)', text)}


def check_line(line: str) -> None:
    for words in commands(line):
        check(words)


def check(words: list[str]) -> None:
    """Fail if a command of ours does not exist or does not accept its arguments."""
    if words[:1] == ["make"]:
        check_make(words[1:])
    elif words[:2] == ["python", "-m"]:
        check_module(words[2], words[3:])
    elif words and Path(words[0]).name == "fraudstream":
        check_fraudstream(words[1:])


def check_make(words: list[str]) -> None:
    given = dict(word.split("=", 1) for word in words if "=" in word)
    for target in (word for word in words if "=" not in word):
        assert target in TARGETS, f"make {target}"
        recipe = re.sub(r"\$\(if .*?\) ", "", TARGETS[target]).replace("$(BIN)/", "")
        if "$(ARGS)" in recipe:
            check(shlex.split(recipe.replace("$(ARGS)", given.get("ARGS", ""))))


def check_module(module: str, words: list[str]) -> None:
    place = ROOT.joinpath(*module.split("."))
    if module == "pytest":
        return
    candidates = (place.with_suffix(".py"), place / "__main__.py")
    files = [file for file in candidates if file.is_file()]
    assert files, f"python -m {module}"
    beside = "".join(file.read_text() for file in files[0].parent.glob("*.py"))
    for option in (word.split("=")[0] for word in words if word.startswith("--")):
        assert f'"{option}"' in beside or f'"{option}/' in beside, f"python -m {module} {option}"


def check_fraudstream(words: list[str]) -> None:
    command: click.Command = fraudstream
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(click.Context(command), words[0])
        assert found, f"{command.name} {words[0]}"
        command, words = found, words[1:]
    options = {
        name: parameter.type
        for parameter in command.params
        for name in (*parameter.opts, *parameter.secondary_opts)
    } | {"--help": click.BOOL, "--version": click.BOOL}
    parts = [part for word in words for part in (word.split("=", 1) if "--" in word else [word])]
    for word, following in pairwise([*parts, ""]):
        if word.startswith("--"):
            assert word in options, f"{command.name} {word}"
            kind = options[word]
            if isinstance(kind, click.Choice) and following:
                assert following in kind.choices, f"{command.name} {word} {following}"


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_each_command_exists_and_accepts_its_options(page: Path) -> None:
    for words in named(page):
        check(words)


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_each_option_in_code_style_exists(page: Path) -> None:
    for span in spans(page):
        if match := re.match(r"--[a-z][a-z-]+", span):
            assert match[0] in options_of_ours(), span


@pytest.mark.parametrize(
    "line",
    [
        "make deemo",
        'make demo ARGS="--row 3"',
        'make chaos ARGS="--fault 3"',
        "python -m benchmarks.nothing",
        "python -m benchmarks.speed --nothing 3",
        "fraudstream detekt",
        "fraudstream topics make",
        "cat x | fraudstream detect --batch 3 > y",
        "fraudstream detect --delivery at-most-once",
        "source <(fraudstream completions bash)",
    ],
)
def test_a_wrong_command_is_detected(line: str) -> None:
    with pytest.raises(AssertionError):
        check_line(line)
