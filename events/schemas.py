"""JSON Schemas of the messages, generated from the structs that encode and decode them.

A schema has a struct's field names, types, bounds and descriptions. Constraints that JSON Schema
cannot express (a repeated field, the size of a record) are enforced by the codec alone.
"""

import inspect
from typing import Any

import msgspec

from events import compact
from events.codec import DEAD_LETTER_HEADERS, EXCERPT_HEADER
from events.errors import Reason
from events.messages import Alert, DeadLetter, JournalEntry, Label, Transaction

DIALECT = "https://json-schema.org/draft/2020-12/schema"

JSON_MESSAGES = (Transaction, Label, Alert, JournalEntry)
"""The messages that are JSON objects."""

Schema = dict[str, Any]


def schemas() -> dict[str, Schema]:
    """Return the schemas by name: of each JSON message, and of the headers of dead letters."""
    structs = (*JSON_MESSAGES, DeadLetter)
    _, found = msgspec.json.schema_components(structs, ref_template="#/{name}")
    for struct in JSON_MESSAGES:
        found[struct.__name__]["description"] = summary(struct)
    fields = found.pop("DeadLetter")["properties"]
    return {**found, "DeadLetterHeaders": _dead_letter_headers(fields)}


def compact_headers() -> Schema:
    """Return the schema of the header that marks a compact transaction."""
    name, value = compact.HEADER
    return {
        "type": "object",
        "properties": {name: {"type": "string", "const": value.decode()}},
        "required": [name],
    }


def summary(message: type[msgspec.Struct]) -> str:
    """Return a struct's docstring, each paragraph on one line."""
    paragraphs = inspect.cleandoc(message.__doc__ or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def _dead_letter_headers(fields: dict[str, Schema]) -> Schema:
    """Return the schema of the headers, described as the fields of `DeadLetter` are."""
    properties: dict[str, Schema] = {
        header: {"type": "string", "description": fields[field]["description"]}
        for field, header in DEAD_LETTER_HEADERS.items()
    }
    for number in ("partition", "offset"):
        properties[DEAD_LETTER_HEADERS[number]]["pattern"] = "^[0-9]+$"
    properties[DEAD_LETTER_HEADERS["reason"]]["enum"] = [reason.value for reason in Reason]
    required = list(properties)
    properties[EXCERPT_HEADER] = {
        "type": "string",
        "description": fields["original_bytes"]["description"],
        "pattern": "^[0-9]+$",
    }
    return {
        "title": "DeadLetterHeaders",
        "description": "The headers of a dead letter, each UTF-8 text. The rejected record's own "
        "headers precede them, untouched.",
        "type": "object",
        "properties": properties,
        "required": required,
    }
