"""The codec: structs to bytes and back; every rejection has a reason from a finite enum."""

import json
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any, TypeVar

import msgspec

from events import compact
from events.errors import PayloadError, Reason
from events.messages import (
    FEATURES,
    Alert,
    DeadLetter,
    Headers,
    JournalEntry,
    Label,
    Transaction,
)

# A transaction is about 710 bytes; 16 KiB leaves room for fields of later versions.
MAXIMUM_PAYLOAD_BYTES = 16 * 1024

# A transaction is flat. Fields of later versions may nest a little. The depth that an interpreter
# can parse depends on its version, so this limit is ours.
MAXIMUM_BRACKETS = 100

T = TypeVar("T")

_encode = msgspec.json.Encoder().encode
_decode_transaction = msgspec.json.Decoder(Transaction).decode
_decode_label = msgspec.json.Decoder(Label).decode
_decode_alert = msgspec.json.Decoder(Alert).decode
_decode_journal_entry = msgspec.json.Decoder(JournalEntry).decode

_TRANSACTION_COLONS = 1 + len(FEATURES)


def encode(message: Transaction | Label | Alert | JournalEntry) -> bytes:
    """Return the message as UTF-8 JSON; floats survive the round trip exactly."""
    return _encode(message)


class Encoding(StrEnum):
    """How a transaction is encoded; the record's headers say which."""

    JSON = "json"
    COMPACT = "compact"

    @property
    def headers(self) -> Headers:
        """The headers that mark a record of this encoding."""
        return (compact.HEADER,) if self is Encoding.COMPACT else ()

    def write(self, transaction: Transaction) -> bytes:
        """Return the transaction as a record's value."""
        return (compact.encode if self is Encoding.COMPACT else encode)(transaction)


def decode_transaction(
    payload: bytes | None, headers: Sequence[tuple[str, bytes | None]] | None = None
) -> Transaction:
    """Decode and validate the transaction in a record's value: JSON unless the headers say compact.

    Unknown JSON fields are ignored, so that later versions may add some. A repeated field is
    rejected.

    Raises:
        PayloadError: if the payload is not exactly one valid transaction.
    """
    if not payload:
        raise PayloadError(Reason.EMPTY, "the record has no value")
    if len(payload) > MAXIMUM_PAYLOAD_BYTES:
        raise PayloadError(
            Reason.OVERSIZED, f"{len(payload)} bytes, more than {MAXIMUM_PAYLOAD_BYTES}"
        )
    if compact.is_compact(headers):
        return compact.decode(payload)
    try:
        transaction = _decode_transaction(payload)
        # Each field has one colon and no number has any, so 31 required fields with 31 colons
        # leave no room for a repeated or an unknown field: the usual record needs no second look.
        if payload.count(b":") != _TRANSACTION_COLONS:
            if payload.count(b"[") + payload.count(b"{") > MAXIMUM_BRACKETS:
                raise PayloadError(Reason.TOO_DEEP, f"more than {MAXIMUM_BRACKETS} brackets")
            json.loads(payload.decode(), object_pairs_hook=_reject_repeated_fields)
    except (ValueError, RecursionError) as error:
        raise _payload_error(error) from error
    return transaction


def decode_label(payload: bytes | None) -> Label:
    """Decode and validate the label in a record's value.

    Raises:
        PayloadError: if the payload is not a valid label.
    """
    return _decoded(_decode_label, payload)


def decode_alert(payload: bytes | None) -> Alert:
    """Decode and validate the alert in a record's value.

    Raises:
        PayloadError: if the payload is not a valid alert.
    """
    return _decoded(_decode_alert, payload)


def decode_journal_entry(payload: bytes | None) -> JournalEntry:
    """Decode and validate the journal entry in a record's value.

    Raises:
        PayloadError: if the payload is not a valid journal entry.
    """
    return _decoded(_decode_journal_entry, payload)


def _decoded(decode: Callable[[bytes], T], payload: bytes | None) -> T:
    try:
        return decode(payload or b"")
    except (ValueError, RecursionError) as error:
        raise _payload_error(error) from error


# A dead letter's value is that of the rejected record, so its origin and the error travel in
# headers, named as in Kafka Connect's dead letter queue, plus our reason.
_ERRORS = "__connect.errors."
DEAD_LETTER_HEADERS = {
    "topic": f"{_ERRORS}topic",
    "partition": f"{_ERRORS}partition",
    "offset": f"{_ERRORS}offset",
    "stage": f"{_ERRORS}stage",
    "error": f"{_ERRORS}exception.class.name",
    "message": f"{_ERRORS}exception.message",
    "reason": "fraudstream.reason",
}
"""The header of each field of `DeadLetter` that always has one; its value is the field in UTF-8."""

EXCERPT_HEADER = "fraudstream.original.bytes"
"""The header of `DeadLetter.original_bytes`, which only excerpts have."""

SOURCE_HEADER = "fraudstream.source"
"""The header of alerts and dead letters whose transaction committed the offsets of their source."""

ORIGINAL_TIMESTAMP = f"{_ERRORS}timestamp"
"""The header of a record whose timestamp its topic rejects; milliseconds, as decimal digits."""


def source_header(group: str, topic_id: str) -> tuple[str, bytes]:
    """Return `SOURCE_HEADER` with the group that read the source, and the id of its topic."""
    return SOURCE_HEADER, f"{group} {topic_id}".encode()


def dead_letter_headers(letter: DeadLetter) -> list[tuple[str, bytes | None]]:
    """Return the headers of a dead letter's record: the original ones, then origin and error."""
    ours: list[tuple[str, bytes | None]] = [
        (header, str(getattr(letter, field)).encode())
        for field, header in DEAD_LETTER_HEADERS.items()
    ]
    if letter.original_bytes is not None:
        ours.append((EXCERPT_HEADER, str(letter.original_bytes).encode()))
    return [*letter.headers, *ours]


def read_dead_letter(
    key: bytes | None, value: bytes | None, headers: Headers, timestamp: int | None = None
) -> DeadLetter:
    """Decode a record of the dead-letter topic.

    Raises:
        PayloadError: if one of our headers is missing or invalid.
    """
    ours = {name: (text or b"").decode(errors="replace") for name, text in headers if _ours(name)}
    try:
        fields = {field: ours[header] for field, header in DEAD_LETTER_HEADERS.items()}
        return DeadLetter(
            topic=fields["topic"],
            partition=int(fields["partition"]),
            offset=int(fields["offset"]),
            stage=fields["stage"],
            error=fields["error"],
            message=fields["message"],
            reason=fields["reason"],
            key=key,
            value=value,
            headers=tuple((name, text) for name, text in headers if not _ours(name)),
            timestamp=int(ours[ORIGINAL_TIMESTAMP]) if ORIGINAL_TIMESTAMP in ours else timestamp,
            original_bytes=int(ours[EXCERPT_HEADER]) if EXCERPT_HEADER in ours else None,
        )
    except KeyError as error:
        raise PayloadError(Reason.MISSING_FIELD, f"no header {error.args[0]}") from error
    except ValueError as error:
        raise PayloadError(Reason.WRONG_TYPE, str(error)) from error


_OWN_HEADERS = {DEAD_LETTER_HEADERS["reason"], EXCERPT_HEADER, SOURCE_HEADER}


def _ours(header: str) -> bool:
    return header.startswith(_ERRORS) or header in _OWN_HEADERS


def _reject_repeated_fields(pairs: list[tuple[str, Any]]) -> None:
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            raise PayloadError(Reason.DUPLICATE_FIELD, f"field {name[:40]!r} appears twice")
        seen.add(name)


def _payload_error(error: Exception) -> PayloadError:
    """Return the error with the reason that matches the JSON parser's message."""
    message = str(error)
    if isinstance(error, RecursionError):
        return PayloadError(Reason.TOO_DEEP, "nested too deeply")
    if isinstance(error, UnicodeDecodeError):
        return PayloadError(Reason.NOT_UTF8, message)
    if not isinstance(error, msgspec.ValidationError):
        return PayloadError(Reason.MALFORMED_JSON, message)
    if "missing required field" in message:
        return PayloadError(Reason.MISSING_FIELD, message)
    if "got `" in message:
        return PayloadError(Reason.WRONG_TYPE, message)
    return PayloadError(Reason.OUT_OF_RANGE, message)
