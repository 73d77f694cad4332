"""Sections of docs/configuration.md: the options of each command, as click describes them."""

import inspect
from collections.abc import Iterator

import click

from fraudstream.main import COMMANDS, fraudstream
from fraudstream.options import kafka_options, topics_option
from model.artifact.markdown import table
from tools.docs.markdown import code

PAGE = "configuration"
HEADERS = ("option", "variable", "takes", "default", "meaning")


def sections() -> dict[str, str]:
    """Return the page's sections by name."""
    shared = _shared_options()
    root = click.Context(fraudstream, **fraudstream.context_settings)
    return {
        "shared": table(HEADERS, [_row(option, root) for option in shared]),
        "commands": "\n\n".join(_command(context, shared) for context in contexts()),
    }


def contexts() -> Iterator[click.Context]:
    """Yield the context of each command that is not a group, in the order of `COMMANDS`."""
    root = click.Context(fraudstream, info_name="fraudstream", **fraudstream.context_settings)
    for name in COMMANDS:
        command = fraudstream.get_command(root, name)
        assert command is not None  # noqa: S101 - for the type checker
        context = _context(command, root, name)
        if isinstance(command, click.Group):
            for inner_name, inner in command.commands.items():
                yield _context(inner, context, inner_name)
        else:
            yield context


def _context(command: click.Command, parent: click.Context, name: str) -> click.Context:
    return click.Context(command, parent=parent, info_name=name, **command.context_settings)


def _shared_options() -> list[click.Option]:
    """Return the options that have a table of their own."""
    bare = click.command()(topics_option(kafka_options(lambda: None)))
    return _options(bare)


def _options(command: click.Command) -> list[click.Option]:
    return [option for option in command.params if isinstance(option, click.Option)]


def _command(context: click.Context, shared: list[click.Option]) -> str:
    command = context.command
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    shared_names = {option.name for option in shared}
    own = [option for option in _options(command) if option.name not in shared_names]
    summary = inspect.cleandoc(command.help or "").partition("\n")[0]
    parts = [
        f"### {code(context.command_path)}",
        f"{summary}\n\n```sh\n{usage}\n```",
        table(HEADERS, [_row(option, context) for option in own]) if own else "",
        _shared_note({option.name for option in _options(command)}),
    ]
    return "\n\n".join(part for part in parts if part)


def _shared_note(names: set[str | None]) -> str:
    if "kafka" not in names:
        return "Also `--topic-prefix`." if "topic_prefix" in names else ""
    also = ", and `--topic-prefix`" if "topic_prefix" in names else ""
    return f"Also [the options for connecting to Kafka](#connecting-to-kafka){also}."


def _row(option: click.Option, context: click.Context) -> list[str]:
    extra = option.get_help_extra(context)
    takes = "" if option.is_flag else code(option.make_metavar(context).removesuffix(" RANGE"))
    if "range" in extra:
        takes += f", {extra['range'].replace('<=', ' ≤ ').replace('>=', ' ≥ ').replace('<', ' < ')}"
    if option.multiple:
        takes += ", may be repeated"
    default = extra.get("default", "")
    if extra.get("required"):
        default = "required"
    elif default.startswith("("):  # described in words
        default = default.strip("()")
    elif default:
        default = code(default)
    return [
        ", ".join(map(code, (*option.opts, *option.secondary_opts))),
        ", ".join(map(code, extra.get("envvars", ()))),
        takes,
        default,
        option.help or "",
    ]
