"""docs/messages.md: topics and messages in tables, from the same schemas as docs/messages/."""

from typing import Any

from events.asyncapi import document
from events.topics import Topics
from tools.docs.markdown import code, table

PAGE = "messages"


def sections() -> dict[str, str]:
    """Return the page's sections by name."""
    told = document(Topics(), "", "")
    messages, schemas = told["components"]["messages"], told["components"]["schemas"]
    topics = [
        [
            code(channel["address"]),
            channel["description"],
            messages[name]["bindings"]["kafka"]["key"]["description"],
            code(messages[name]["contentType"]),
        ]
        for channel in told["channels"].values()
        for name in channel["messages"]
    ]
    fields = {name: _fields(schema) for name, schema in schemas.items()}
    return {
        "topics": table(("topic", "what is in it", "key", "content type"), topics),
        "compact": messages["CompactTransaction"]["payload"]["description"],
        **fields,
    }


def _fields(schema: dict[str, Any]) -> str:
    rows = [
        [code(name), _kind(told), told["description"]]
        for name, told in schema["properties"].items()
        if not name.startswith("V") or name == "V1"
    ]
    return f"{schema['description']}\n\n{table(('field', 'type', 'meaning'), rows)}"


def _kind(told: dict[str, Any]) -> str:
    """Return type and bounds in a few words."""
    if "enum" in told:
        return ", ".join(code(str(value)) for value in told["enum"])
    if "pattern" in told:
        return "decimal number"
    if "maxLength" in told:
        return f"text, {told['minLength']} to {told['maxLength']} characters"
    low, high = (f"{told[it]:,.0f}" if it in told else "" for it in ("minimum", "maximum"))
    kind = {"string": "text", "integer": "whole number"}.get(told["type"], told["type"])
    if high:
        return f"{kind}, {low} to {high}"
    return f"{kind}, {low} or more" if low else kind
