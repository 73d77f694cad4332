"""What the commands' options share: each says its default and its environment variable."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from kafkaio.settings import DEFAULT_BROKER, KafkaSettings, load_settings

Command = TypeVar("Command", bound=Callable[..., Any])

CONTEXT = {"help_option_names": ["-h", "--help"], "show_default": True, "max_content_width": 100}


def option(*declarations: str, **attributes: Any) -> Callable[[Command], Command]:
    """Return a click option whose environment variable follows its name.

    `--batch-maximum` is FRAUDSTREAM_BATCH_MAXIMUM, in every command that has it.
    """
    longest = max((it for it in declarations if it.startswith("-")), key=len).split("/")[0]
    variable = "FRAUDSTREAM_" + longest.lstrip("-").upper().replace("-", "_")
    attributes.setdefault("envvar", variable)
    attributes.setdefault("show_envvar", True)
    return click.option(*declarations, **attributes)


def kafka_options(command: Command) -> Command:
    """Add how to reach Kafka: the command receives `broker`, `kafka` and `kafka_config`."""
    for add in (
        option(
            "--kafka-config",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            help="File of further librdkafka properties, a NAME=VALUE a line.",
        ),
        option(
            "--kafka",
            multiple=True,
            metavar="NAME=VALUE",
            envvar=None,
            show_envvar=False,
            help="Further librdkafka property (TLS, SASL, ...); may be repeated. "
            "As a variable: FRAUDSTREAM_KAFKA_SECURITY_PROTOCOL for security.protocol.",
        ),
        option(
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
    return option(
        "--topic-prefix",
        default="",
        help="Put before each topic's name.",
    )(command)


def kafka_settings(
    broker: str | None, kafka: tuple[str, ...], kafka_config: Path | None
) -> KafkaSettings:
    """Gather what `kafka_options` received, and the environment, into settings."""
    # FRAUDSTREAM_KAFKA_CONFIG names the file; it is no librdkafka property.
    environment = {
        name: value for name, value in os.environ.items() if name != "FRAUDSTREAM_KAFKA_CONFIG"
    }
    return load_settings(broker, file=kafka_config, environment=environment, assignments=kafka)


def model_option(command: Command) -> Command:
    """Add `--model`: the command receives the artifact's folder as `model`."""
    return option(
        "--model",
        type=click.Path(path_type=Path),
        default=Path("artifact"),
        help="Folder of the trained artifact.",
    )(command)


def metrics_option(default: str) -> Callable[[Command], Command]:
    """Add `--metrics` with that default: the command receives `metrics` as "HOST:PORT"."""
    return option(
        "--metrics",
        metavar="HOST:PORT",
        default=default,
        help="Where /metrics, /healthz and /readyz are served; port 0 is a free one.",
    )


def host_and_port(address: str, name: str) -> tuple[str, int]:
    """Split "HOST:PORT"; an empty host is every interface.

    Raises:
        click.BadParameter: if it is none, naming the option.
    """
    host, colon, port = address.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:  # noqa: PLR2004
        raise click.BadParameter(
            f"{address!r} is not of the form HOST:PORT, for example 127.0.0.1:8000.",
            param_hint=name,
        )
    return host, int(port)


def weights_option(command: Command) -> Command:
    """Add `--weights`: the command receives the file as `weights`, or None."""
    return option(
        "--weights",
        type=click.Path(path_type=Path),
        default=None,
        show_default="each row stands for one transaction",
        help="CSV with a column `weight`: how many transactions each row of the data stands for.",
    )(command)


class PolicyType(click.ParamType[Any]):
    """A policy for thresholds, "f1" or "cost:10", as `model.evaluation.threshold.Policy`."""

    name = "policy"

    def convert(
        self, value: Any, _parameter: click.Parameter | None, _context: click.Context | None
    ) -> Any:
        """Read it; a mistake is named with its option."""
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
        """Offer the policies, those that take a number with one that makes sense."""
        from model.evaluation.threshold import EXAMPLES

        return [CompletionItem(it) for it in EXAMPLES if it.startswith(incomplete)]


class RecipeType(click.ParamType[Any]):
    """The name of a recipe, as `model.recipes.Recipe`."""

    name = "name"

    def convert(
        self, value: Any, _parameter: click.Parameter | None, _context: click.Context | None
    ) -> Any:
        """Look it up; a mistake is told with what there is."""
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
        """Offer the recipes, with what each is."""
        from model.recipes import RECIPES

        return [
            CompletionItem(name, help=recipe.summary)
            for name, recipe in RECIPES.items()
            if name.startswith(incomplete)
        ]
