"""Sections of docs/messages.md: tables of topics and messages, from the published schemas."""

from typing import Any

from events.asyncapi import document
from events.topics import Topics
from model.artifact.markdown import table
from tools.docs.markdown import code

PAGE = "messages"


def sections() -> dict[str, str]:
    """Return the page's sections by name."""
    asyncapi = document(Topics(), "", "")
    messages, schemas = asyncapi["components"]["messages"], asyncapi["components"]["schemas"]
    topics = [
        [
            code(channel["address"]),
            channel["description"],
            messages[name]["bindings"]["kafka"]["key"]["description"],
            code(messages[name]["contentType"]),
        ]
        for channel in asyncapi["channels"].values()
        for name in channel["messages"]
    ]
    fields = {name: _fields(schema) for name, schema in schemas.items()}
    return {
        "topics": table(("topic", "content", "key", "content type"), topics),
        "compact": messages["CompactTransaction"]["payload"]["description"],
        **fields,
    }


def _fields(schema: dict[str, Any]) -> str:
    rows = [
        [code(name), _type(field), field["description"]]
        for name, field in schema["properties"].items()
        if not name.startswith("V") or name == "V1"
    ]
    return f"{schema['description']}\n\n{table(('field', 'type', 'meaning'), rows)}"


def _type(field: dict[str, Any]) -> str:
    """Return the type and the bounds in a few words."""
    if "enum" in field:
        return ", ".join(code(str(value)) for value in field["enum"])
    if "pattern" in field:
        return "decimal number"
    if "maxLength" in field:
        return f"text, {field['minLength']} to {field['maxLength']} characters"
    low, high = (
        f"{field[bound]:,.0f}" if bound in field else "" for bound in ("minimum", "maximum")
    )
    kind = {"string": "text", "integer": "whole number"}.get(field["type"], field["type"])
    if high:
        return f"{kind}, {low} to {high}"
    return f"{kind}, {low} or more" if low else kind
