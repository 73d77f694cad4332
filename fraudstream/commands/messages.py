"""`fraudstream messages`: the wire format, for other programs."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fraudstream.options import CONTEXT, option, topics_option

if TYPE_CHECKING:
    from events.topics import Topics
from kafkaio.settings import DEFAULT_BROKER


@click.command(context_settings=CONTEXT)
@option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    show_default="print the document",
    help="Folder for the document and a JSON Schema of each message.",
)
@topics_option
def command(out: Path | None, topic_prefix: str) -> None:
    """Describe topics and messages: AsyncAPI 3.0, JSON Schema.

    The document lists the topics with their keys, headers and content types, and the fields of
    each message with their bounds.

    \b
    Examples:
      fraudstream messages > asyncapi.json
      fraudstream messages --out messages
      fraudstream messages --topic-prefix test. | jq .channels
    """
    from importlib.metadata import version

    from events.asyncapi import document
    from events.topics import Topics

    topics = Topics(topic_prefix)
    if out is None:
        click.echo(_text(document(topics, version("fraudstream"), DEFAULT_BROKER)), nl=False)
        return
    try:
        names = write(out, topics, version("fraudstream"))
    except OSError as error:
        raise click.BadParameter(f"cannot write to {out}: {error.strerror}.") from error
    click.echo(f"{out}: {', '.join(names)}")


def write(folder: Path, topics: "Topics", version: str) -> list[str]:
    """Write the document and the schemas into a folder; return the names of the files."""
    from events.asyncapi import files

    folder.mkdir(parents=True, exist_ok=True)
    contents = files(topics, version, DEFAULT_BROKER)
    for name, content in contents.items():
        (folder / name).write_text(_text(content), encoding="utf-8")
    return list(contents)


def _text(content: dict[str, Any]) -> str:
    import json

    return json.dumps(content, indent=2) + "\n"
