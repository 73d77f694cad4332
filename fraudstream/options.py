"""The options that commands share, and the rule for their environment variables.

An option's variable is named after its command: `data fit --out` is FRAUDSTREAM_DATA_FIT_OUT. The
options of the services, and options that mean the same in every command, have short names: `detect
--group` is FRAUDSTREAM_GROUP. No variable means two things.
"""

import os
import shutil
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from kafkaio.settings import DEFAULT_BROKER, KafkaSettings, load_settings

Command = TypeVar("Command", bound=Callable[..., Any])

CONTEXT = {"help_option_names": ["-h", "--help"], "show_default": True, "max_content_width": 100}


def option(*declarations: str, **attributes: Any) -> Callable[[Command], Command]:
    """Return a click option whose help shows its environment variable."""
    return click.option(*declarations, **({"show_envvar": True} | attributes))


def service_option(*declarations: str, **attributes: Any) -> Callable[[Command], Command]:
    """Return a click option with a short variable, for example FRAUDSTREAM_BATCH_MAXIMUM."""
    longest = max((name for name in declarations if name.startswith("-")), key=len)
    variable = longest.partition("/")[0].lstrip("-").upper().replace("-", "_")
    attributes |= {"envvar": f"FRAUDSTREAM_{variable}", "allow_from_autoenv": False}
    return option(*declarations, **attributes)


class InputFile(click.Path):
    """A file to read, as a Path.

    A pipe can be read only once, while files are read twice, for their content and their checksum.
    So the content of a pipe is copied to a temporary file, which is removed after the command.
    """

    def __init__(self) -> None:
        # Library packages report a missing or unreadable file, in a sentence with a hint.
        super().__init__(path_type=Path, readable=False)

    def convert(
        self,
        value: "str | os.PathLike[str]",
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:
        """Return the path, or that of the copy."""
        path: Any = super().convert(value, param, ctx)
        if ctx is None or not (path.is_fifo() or path.is_socket()):
            return path
        folder = Path(tempfile.mkdtemp(prefix="fraudstream-"))
        ctx.call_on_close(partial(shutil.rmtree, folder, ignore_errors=True))
        copy = folder / path.name
        try:
            with path.open("rb") as pipe, copy.open("wb") as file:
                shutil.copyfileobj(pipe, file)
        except OSError as error:
            self.fail(f"{path} cannot be copied to {folder}: {error.strerror or error}.")
        return copy


def kafka_options(command: Command) -> Command:
    """Add the options for connecting to Kafka, received as `broker`, `kafka` and `kafka_config`."""
    for add in (
        service_option(
            "--kafka-config",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            help="File of further librdkafka properties, one NAME=VALUE per line.",
        ),
        option(
            "--kafka",
            multiple=True,
            metavar="NAME=VALUE",
            allow_from_autoenv=False,
            show_envvar=False,
            help="Further librdkafka property (TLS, SASL, ...); may be repeated. "
            "As a variable: FRAUDSTREAM_KAFKA_SECURITY_PROTOCOL for security.protocol.",
        ),
        service_option(
            "--broker",
            metavar="HOST:PORT",
            default=None,
            show_default=DEFAULT_BROKER,
            help="Kafka to connect to.",
        ),
    ):
        command = add(command)
    return command


def topics_option(command: Command) -> Command:
    """Add `--topic-prefix`: the command receives `topic_prefix`."""
    return service_option(
        "--topic-prefix",
        default="",
        help="Prefix of every topic's name.",
    )(command)


def kafka_settings(
    broker: str | None, kafka: tuple[str, ...], kafka_config: Path | None
) -> KafkaSettings:
    """Combine the values of `kafka_options` with the environment."""
    # FRAUDSTREAM_KAFKA_CONFIG names the file; it is not a librdkafka property.
    environment = {
        name: value for name, value in os.environ.items() if name != "FRAUDSTREAM_KAFKA_CONFIG"
    }
    return load_settings(broker, file=kafka_config, environment=environment, assignments=kafka)


def model_option(command: Command) -> Command:
    """Add `--model`: the command receives the folder of a store or of an artifact as `model`."""
    return service_option(
        "--model",
        type=click.Path(path_type=Path),
        default=Path("models"),
        help="Model store, whose champion is used, or folder of a single artifact.",
    )(command)


def metrics_option(default: str) -> Callable[[Command], Command]:
    """Add `--metrics` with that default: the command receives `metrics` as "HOST:PORT"."""
    return service_option(
        "--metrics",
        metavar="HOST:PORT",
        default=default,
        help="Address of /metrics, /healthz and /readyz; port 0 picks a free one.",
    )


log_format_option = service_option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    help="Format of log lines on stderr.",
)

json_option = service_option(
    "--json/--text", "as_json", default=False, help="Print JSON instead of text."
)


def from_beginning_option(*, default: bool) -> Callable[[Command], Command]:
    """Add `--from-beginning/--from-now`: the command receives `from_beginning`."""
    return service_option(
        "--from-beginning/--from-now",
        default=default,
        help="Start at the first record of the topic, or at the next one to arrive.",
    )


def host_and_port(address: str, name: str) -> tuple[str, int]:
    """Split "HOST:PORT"; an empty host means every interface.

    An IPv6 address may be in brackets, as in URLs: "[::1]:8000".

    Raises:
        click.BadParameter: if it has another form; the error names the option.
    """
    host, colon, port = address.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:  # noqa: PLR2004
        raise click.BadParameter(
            f"{address!r} is not of the form HOST:PORT, for example 127.0.0.1:8000.",
            param_hint=name,
        )
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    return host, int(port)


def weights_option(command: Command) -> Command:
    """Add `--weights`: the command receives the file as `weights`, or None."""
    return option(
        "--weights",
        type=InputFile(),
        default=None,
        show_default="each row stands for one transaction",
        help="CSV with a column `weight`: the number of transactions that each row stands for.",
    )(command)


class PolicyType(click.ParamType[Any]):
    """A policy for thresholds, "f1" or "cost:10", as `model.evaluation.threshold.Policy`."""

    name = "policy"

    def convert(
        self, value: Any, _parameter: click.Parameter | None, _context: click.Context | None
    ) -> Any:
        """Parse the policy."""
        from model.errors import PolicyError
        from model.evaluation.threshold import Policy

        if isinstance(value, Policy):
            return value
        try:
            return Policy.parse(value)
        except PolicyError as error:
            self.fail(str(error))

    def shell_complete(
        self, _context: click.Context, _parameter: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Complete policies; those that take a number come with a typical one."""
        from model.evaluation.threshold import EXAMPLES

        return [CompletionItem(text) for text in EXAMPLES if text.startswith(incomplete)]


class RecipeType(click.ParamType[Any]):
    """The name of a recipe, as `model.recipes.Recipe`."""

    name = "name"

    def convert(
        self, value: Any, _parameter: click.Parameter | None, _context: click.Context | None
    ) -> Any:
        """Look up the recipe; the error for an unknown name lists the recipes."""
        from model.recipes import RECIPES
        from model.recipes.recipe import Recipe

        if isinstance(value, Recipe):
            return value
        if value not in RECIPES:
            self.fail(f"There is no recipe {value!r}; choose {', '.join(RECIPES)}.")
        return RECIPES[value]

    def shell_complete(
        self, _context: click.Context, _parameter: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Complete recipes, with their summaries."""
        from model.recipes import RECIPES

        return [
            CompletionItem(name, help=recipe.summary)
            for name, recipe in RECIPES.items()
            if name.startswith(incomplete)
        ]
