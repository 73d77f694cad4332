"""The stream as an AsyncAPI document: its topics, what is in them, who reads and who writes.

See the AsyncAPI specification 3.0.0 and its Kafka bindings 0.5.0. Schemas stand in the document
itself, so it needs no other file; they are those of `events.schemas`.
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
    """Return the compact encoding in words."""
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
        topics: whose names are the channels' addresses.
        version: of fraudstream.
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
    """Return the document and each schema as it stands alone, by the names of their files."""
    alone = {
        f"{name}.schema.json": {"$schema": DIALECT, **schema} for name, schema in schemas().items()
    }
    return {"asyncapi.json": document(topics, version, broker), **alone}


def _channels(topics: Topics) -> dict[str, Any]:
    carried = {
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
            "messages": {it: {"$ref": f"#/components/messages/{it}"} for it in messages},
            "bindings": {"kafka": {"bindingVersion": KAFKA_BINDINGS}},
        }
        for name, messages in carried.items()
    }


def _operations() -> dict[str, Any]:
    """Return what fraudstream's services do with the channels; others do the opposite."""
    return {
        name: {"action": action, "channel": {"$ref": f"#/channels/{channel}"}, "summary": what}
        for name, action, channel, what in (
            ("score", "receive", "transactions", "`detect` scores them."),
            ("alert", "send", "alerts", "`detect` raises them, `alerts` and `quality` read them."),
            ("refuse", "send", "dead_letters", "`detect` writes what it cannot read."),
            ("note", "send", "journal", "`detect --journal` writes what it committed."),
            ("judge", "receive", "labels", "`quality` judges the alerts by them."),
        )
    }


def _messages() -> dict[str, Any]:
    size = f"At most {MAXIMUM_PAYLOAD_BYTES:,} bytes; a field that stands twice is refused."
    return {
        "Transaction": _message("Transaction", f"{summary(Transaction)} {size}"),
        "CompactTransaction": {
            "contentType": compact.HEADER[1].decode(),
            "summary": "The same in fewer bytes, told by its header.",
            "headers": compact_headers(),
            "payload": {"type": "string", "format": "binary", "description": compact_layout()},
            **_keyed(BY_TRANSACTION),
        },
        "Label": _message("Label", "Fraud or not."),
        "Alert": _message("Alert", "A transaction flagged as fraud."),
        "DeadLetter": {
            "contentType": "application/octet-stream",
            "summary": summary(DeadLetter),
            "headers": {"$ref": "#/components/schemas/DeadLetterHeaders"},
            "payload": {"description": "The refused record's value: any bytes, or none."},
            **_keyed({"description": "The refused record's key: any bytes, or none."}),
        },
        "JournalEntry": _message(
            "JournalEntry",
            "What a commit covers of a partition; in the partition of the same number.",
            {"type": "string", "description": "Group and id of the input topic, a space between."},
        ),
    }


def _message(name: str, what: str, key: Schema = BY_TRANSACTION) -> dict[str, Any]:
    payload = {"$ref": f"#/components/schemas/{name}"}
    return {"contentType": "application/json", "summary": what, "payload": payload, **_keyed(key)}


def _keyed(key: Schema) -> dict[str, Any]:
    return {"bindings": {"kafka": {"key": key, "bindingVersion": KAFKA_BINDINGS}}}
