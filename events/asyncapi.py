"""The stream as an AsyncAPI document: topics, their messages, their readers and writers.

See the AsyncAPI specification 3.0.0 and its Kafka bindings 0.5.0. The document is self-contained:
it includes the schemas of `events.schemas`.
"""

from typing import Any

from events import compact
from events.codec import MAXIMUM_PAYLOAD_BYTES
from events.messages import FEATURES, ID_LENGTHS, DeadLetter, Transaction
from events.schemas import DIALECT, Schema, compact_headers, schemas, summary
from events.topics import Topics

VERSION = "3.0.0"
KAFKA_BINDINGS = "0.5.0"

BY_TRANSACTION = {
    "type": "string",
    "description": "The transaction's id, UTF-8.",
    "minLength": ID_LENGTHS.low,
    "maxLength": ID_LENGTHS.high,
}


def compact_layout() -> str:
    """Return a description of the compact encoding."""
    numbers = len(FEATURES)
    return (
        f"A transaction as bytes. 0 to {compact.NUMBERS_BYTES - 1}: {numbers} numbers, each a "
        f"little-endian IEEE 754 binary64 of {compact.NUMBERS_BYTES // numbers} bytes, in the "
        f"order {FEATURES[0]}, {FEATURES[1]} to {FEATURES[-2]}, {FEATURES[-1]}. "
        f"{compact.NUMBERS_BYTES} to the end: transaction_id in UTF-8, {ID_LENGTHS.low} to "
        f"{ID_LENGTHS.high} characters. Bounds are those of the JSON message."
    )


def document(topics: Topics, version: str, broker: str) -> dict[str, Any]:
    """Return the document.

    Args:
        topics: the topics, whose names are the addresses of the channels.
        version: the version of fraudstream.
        broker: the address of the Kafka server, "HOST:PORT".
    """
    return {
        "asyncapi": VERSION,
        "info": {
            "title": "fraudstream",
            "version": version,
            "description": "Card transactions in, alerts out. Read with "
            "isolation.level=read_committed: alerts, dead letters and journal entries are written "
            "in transactions. A record's timestamp is the event time of a transaction.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {"kafka": {"host": broker, "protocol": "kafka"}},
        "channels": _channels(topics),
        "operations": _operations(),
        "components": {"messages": _messages(), "schemas": schemas()},
    }


def files(topics: Topics, version: str, broker: str) -> dict[str, dict[str, Any]]:
    """Return the document and each schema as a document of its own, by file name."""
    by_file = {
        f"{name}.schema.json": {"$schema": DIALECT, **schema} for name, schema in schemas().items()
    }
    return {"asyncapi.json": document(topics, version, broker), **by_file}


def _channels(topics: Topics) -> dict[str, Any]:
    messages_of = {
        "transactions": ["Transaction", "CompactTransaction"],
        "labels": ["Label"],
        "dead_letters": ["DeadLetter"],
        "alerts": ["Alert"],
        "journal": ["JournalEntry"],
    }
    return {
        name: {
            "address": getattr(topics, name),
            "description": getattr(Topics, name).__doc__,
            "messages": {message: _reference("messages", message) for message in messages},
            "bindings": {"kafka": {"bindingVersion": KAFKA_BINDINGS}},
        }
        for name, messages in messages_of.items()
    }


def _operations() -> dict[str, Any]:
    """Return how fraudstream's services use the channels; other programs do the opposite."""
    return {
        name: {"action": action, "channel": {"$ref": f"#/channels/{channel}"}, "summary": text}
        for name, action, channel, text in (
            ("score", "receive", "transactions", "The detector scores transactions."),
            ("alert", "send", "alerts", "The detector raises alerts."),
            ("reject", "send", "dead_letters", "The detector writes the records it rejects."),
            ("journal", "send", "journal", "The detector writes an entry for each commit."),
            ("evaluate", "receive", "labels", "The quality monitor joins labels with alerts."),
        )
    }


def _messages() -> dict[str, Any]:
    size = f"At most {MAXIMUM_PAYLOAD_BYTES:,} bytes; a repeated field is rejected."
    return {
        "Transaction": _message("Transaction", f"{summary(Transaction)} {size}"),
        "CompactTransaction": {
            "contentType": compact.HEADER[1].decode(),
            "summary": "The same in fewer bytes, marked by its header.",
            "headers": compact_headers(),
            "payload": {"type": "string", "format": "binary", "description": compact_layout()},
            **_keyed(BY_TRANSACTION),
        },
        "Label": _message("Label", "Whether a transaction was fraud."),
        "Alert": _message("Alert", "A transaction flagged as fraud."),
        "DeadLetter": {
            "contentType": "application/octet-stream",
            "summary": summary(DeadLetter),
            "headers": _reference("schemas", "DeadLetterHeaders"),
            "payload": {"description": "The rejected record's value: any bytes, or none."},
            **_keyed({"description": "The rejected record's key: any bytes, or none."}),
        },
        "JournalEntry": _message(
            "JournalEntry",
            "One commit's range of an input partition; in the partition of the same number.",
            {
                "type": "string",
                "description": "Consumer group and id of the input topic, separated by a space.",
            },
        ),
    }


def _message(name: str, text: str, key: Schema = BY_TRANSACTION) -> dict[str, Any]:
    payload = _reference("schemas", name)
    return {"contentType": "application/json", "summary": text, "payload": payload, **_keyed(key)}


def _reference(kind: str, name: str) -> dict[str, str]:
    return {"$ref": f"#/components/{kind}/{name}"}


def _keyed(key: Schema) -> dict[str, Any]:
    return {"bindings": {"kafka": {"key": key, "bindingVersion": KAFKA_BINDINGS}}}
