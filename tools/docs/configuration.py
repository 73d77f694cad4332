"""docs/configuration.md: what each command takes and how it ends, asked of the commands."""

import inspect
from collections.abc import Iterator

import click

from fraudstream.main import COMMANDS, fraudstream
from fraudstream.options import CONTEXT, kafka_options, topics_option
from tools.docs.endings import failures
from tools.docs.markdown import code, table

PAGE = "configuration"
HEADS = ("option", "variable", "takes", "default", "meaning")


def sections() -> dict[str, str]:
    """Return the page's sections by name."""
    shared = _shared()
    commands = [_command(name, command, shared) for name, command in commands_in_order()]
    return {
        "shared": table(HEADS, [_row(option) for option in shared]),
        "commands": "\n\n".join(commands),
    }


def commands_in_order() -> Iterator[tuple[str, click.Command]]:
    """Yield each command that does something, with its name, "topics create" for example."""
    context = click.Context(fraudstream)
    for name in COMMANDS:
        command = fraudstream.get_command(context, name)
        if isinstance(command, click.Group):
            yield from ((f"{name} {inner}", it) for inner, it in command.commands.items())
        elif command is not None:
            yield name, command


def _shared() -> list[click.Option]:
    """Return the options that have a table of their own."""
    bare = click.command()(topics_option(kafka_options(lambda: None)))
    return [it for it in bare.params if isinstance(it, click.Option)]


def _command(name: str, command: click.Command, shared: list[click.Option]) -> str:
    context = click.Context(command, info_name=name)
    usage = " ".join(["fraudstream", name, *command.collect_usage_pieces(context)])
    named = {option.name for option in shared}
    options = [it for it in command.params if isinstance(it, click.Option)]
    own = [_row(option) for option in options if option.name not in named]
    parts = [
        f"### {code(f'fraudstream {name}')}",
        f"{inspect.cleandoc(command.help or '').partition(chr(10))[0]}\n\n```sh\n{usage}\n```",
        table(HEADS, own) if own else "",
        _ways_to_kafka({option.name for option in options}),
        _endings(command),
    ]
    return "\n\n".join(part for part in parts if part)


def _ways_to_kafka(names: set[str | None]) -> str:
    if "kafka" not in names:
        return "Also `--topic-prefix`." if "topic_prefix" in names else ""
    also = ", and `--topic-prefix`" if "topic_prefix" in names else ""
    return f"Also [how to reach Kafka](#how-to-reach-kafka){also}."


def _endings(command: click.Command) -> str:
    found = failures(command.callback) if command.callback else []
    return f"Exit code 1: {' '.join(found)}" if found else ""


def _row(option: click.Option) -> list[str]:
    context = click.Context(click.Command(None), **CONTEXT)  # type: ignore[arg-type]  # click's own
    told = option.get_help_extra(context)
    names = [*option.opts, *option.secondary_opts]
    takes = "" if option.is_flag else code(option.make_metavar(context).removesuffix(" RANGE"))
    if "range" in told:
        takes += f", {told['range'].replace('<=', ' ≤ ').replace('>=', ' ≥ ').replace('<', ' < ')}"
    if option.multiple:
        takes += ", may be repeated"
    default = told.get("default", "")
    spoken = default.startswith("(")
    if told.get("required"):
        default = "required"
    elif default:
        default = default.strip("()") if spoken else code(default)
    return [
        ", ".join(map(code, names)),
        ", ".join(map(code, told.get("envvars", ()))),
        takes,
        default,
        option.help or "",
    ]
