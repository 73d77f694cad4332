"""`fraudstream messages`: what is on the wire, for other programs."""

from pathlib import Path

import click

from fraudstream.options import CONTEXT, option, topics_option

ASYNCAPI = "asyncapi.json"


@click.command(context_settings=CONTEXT)
@option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    show_default="print the document",
    help="Folder to write the document and a JSON Schema of each message to.",
)
@topics_option
def command(out: Path | None, topic_prefix: str) -> None:
    """Describe topics and messages: AsyncAPI 3.0, JSON Schema.

    The document says which topics there are, their keys, headers and content types, and what is
    in each message, field by field, with its bounds.

    \b
    Examples:
      fraudstream messages > asyncapi.json
      fraudstream messages --out messages
      fraudstream messages --topic-prefix test. | jq .channels
    """
    import json
    from importlib.metadata import version

    from events.asyncapi import files
    from events.topics import Topics

    found = files(Topics(topic_prefix), version("fraudstream"))
    texts = {name: json.dumps(content, indent=2) for name, content in found.items()}
    if out is None:
        click.echo(texts[ASYNCAPI])
        return
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (out / name).write_text(f"{text}\n", encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"Cannot write to {out}: {error.strerror}.") from error
    click.echo(f"{out}: {', '.join(texts)}")
