"""JSON Schemas of the messages, made from the structs that read and write them.

A schema says what is in a struct: names, types, bounds and, from its docstring, what each field
means. What JSON Schema has no word for (a field that is there twice, the size of a record) only
the codec refuses.
"""

import inspect
import re
from typing import Any

import msgspec

from events import compact
from events.codec import DEAD_LETTER_HEADERS
from events.errors import Reason
from events.messages import Alert, DeadLetter, JournalEntry, Label, Transaction

DIALECT = "https://json-schema.org/draft/2020-12/schema"

JSON_MESSAGES = (Transaction, Label, Alert, JournalEntry)
"""The messages that are JSON objects."""

Schema = dict[str, Any]


def schemas() -> dict[str, Schema]:
    """Return the schemas by name: of each JSON message, and of the headers of dead letters."""
    _, found = msgspec.json.schema_components(JSON_MESSAGES, ref_template="#/{name}")
    described = {message.__name__: _described(found, message) for message in JSON_MESSAGES}
    return {**described, "DeadLetterHeaders": _dead_letter_headers()}


def compact_headers() -> Schema:
    """Return the schema of the headers that say that a transaction is compact."""
    name, value = compact.HEADER
    return {
        "type": "object",
        "properties": {name: {"type": "string", "const": value.decode()}},
        "required": [name],
    }


def summary(message: type[msgspec.Struct]) -> str:
    """Return what a struct's docstring says before it comes to the fields."""
    text = inspect.cleandoc(message.__doc__ or "").partition("\n\nAttributes:")[0]
    return re.sub(r"(?<!\n)\n(?!\n)", " ", text)


def _described(found: dict[str, Schema], message: type[msgspec.Struct]) -> Schema:
    schema = found[message.__name__]
    schema["description"] = summary(message)
    for name, meaning in _meanings(message).items():
        schema["properties"][name]["description"] = meaning
    return schema


def _dead_letter_headers() -> Schema:
    meanings = _meanings(DeadLetter)
    properties: dict[str, Schema] = {
        header: {"type": "string", "description": meanings[field]}
        for field, header in DEAD_LETTER_HEADERS.items()
    }
    for number in ("partition", "offset"):
        properties[DEAD_LETTER_HEADERS[number]]["pattern"] = "^[0-9]+$"
    properties[DEAD_LETTER_HEADERS["reason"]]["enum"] = [reason.value for reason in Reason]
    return {
        "title": "DeadLetterHeaders",
        "description": "The headers of a dead letter, each UTF-8 text. Before them stand the "
        "refused record's own headers, untouched.",
        "type": "object",
        "properties": properties,
        "required": list(properties),
    }


def _meanings(message: type[msgspec.Struct]) -> dict[str, str]:
    """Return what a struct's docstring says of each field; the next line may go on."""
    text = inspect.cleandoc(message.__doc__ or "").partition("\n\nAttributes:\n")[2]
    found = re.findall(r"^ {4}(\w+): (.+(?:\n {5,}.+)*)", text, re.MULTILINE)
    told = {name: re.sub(r"\s+", " ", meaning) for name, meaning in found}
    return {name: meaning[0].upper() + meaning[1:] for name, meaning in told.items()}
