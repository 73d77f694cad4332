"""Formats dead letters as text for people, and as JSON for programs."""

import base64
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from consumer.dead_letters.store import FOREIGN, ReasonSummary, StoredDeadLetter
from events.messages import DeadLetter

_DUMP_BYTES = 16  # a line of `hexdump -C`


def table_json(topic: str, summaries: Sequence[ReasonSummary]) -> str:
    """Return the summaries as one JSON object; times are ISO 8601 in UTC, or null."""
    return json.dumps(
        {
            "topic": topic,
            "count": sum(summary.count for summary in summaries),
            "waiting": sum(summary.waiting for summary in summaries),
            "reasons": [
                {
                    "reason": summary.reason,
                    "count": summary.count,
                    "waiting": summary.waiting,
                    "first": iso_time(summary.first),
                    "last": iso_time(summary.last),
                    "from": summary.topic,
                    "example": str(summary.example),
                }
                for summary in summaries
            ],
        },
        indent=2,
    )


def full(topic: str, dead: StoredDeadLetter) -> str:
    """Return everything about a dead letter.

    A value is indented if it is JSON (repeated fields and the digits of numbers stay as they are),
    unchanged if it is other text, and otherwise dumped like `hexdump -C`. Characters that could
    move a terminal's cursor are escaped.
    """
    letter = dead.letter
    origin = "unknown" if letter.reason == FOREIGN else _origin(letter)
    lines = [
        f"dead letter  {dead.position} of {topic}",
        f"reason       {_line(letter.reason)}",
        f"error        {_line(f'{letter.error} in {letter.stage}: {letter.message}')}",
        f"came from    {_line(origin)}",
        f"time         {iso_time(letter.timestamp) or 'unknown'}",
        f"key          {_short(letter.key)}",
        *(f"header       {_line(name)}: {_short(value)}" for name, value in letter.headers),
        *_excerpt(letter),
        f"value        {_described(letter.value)}",
    ]
    return "\n".join([*lines, *_pretty(letter.value)])


def full_json(topic: str, dead: StoredDeadLetter) -> str:
    """Return the same as one JSON object.

    Bytes appear twice: as text, null where they are not UTF-8, and exactly, in base64.
    """
    letter = dead.letter
    return json.dumps(
        {
            "topic": topic,
            "place": str(dead.position),
            "reason": letter.reason,
            "error": letter.error,
            "stage": letter.stage,
            "message": letter.message,
            "from": {
                "topic": letter.topic,
                "partition": letter.partition,
                "offset": letter.offset,
            },
            "timestamp": iso_time(letter.timestamp),
            "original_bytes": letter.original_bytes,
            **_both("key", letter.key),
            "headers": [{"name": name, **_both("value", value)} for name, value in letter.headers],
            **_both("value", letter.value),
        },
        indent=2,
    )


def iso_time(milliseconds: int | None) -> str | None:
    """Return a time since the epoch as ISO 8601 in UTC; None where no calendar has it."""
    if milliseconds is None:
        return None
    try:
        moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return None
    return moment.isoformat(timespec="milliseconds")


def _excerpt(letter: DeadLetter) -> list[str]:
    if letter.original_bytes is None:
        return []
    return [f"excerpt      the beginning of {letter.original_bytes:,} bytes; cannot be replayed"]


def _origin(letter: DeadLetter) -> str:
    return f"{letter.topic} [{letter.partition}], offset {letter.offset}"


def _both(name: str, content: bytes | None) -> dict[str, Any]:
    exact = None if content is None else base64.b64encode(content).decode()
    return {name: _text(content), f"{name}_base64": exact}


def _text(content: bytes | None) -> str | None:
    try:
        return None if content is None else content.decode()
    except UnicodeDecodeError:
        return None


def _short(content: bytes | None) -> str:
    """Return a key or a header's value on one line."""
    if content is None:
        return "none"
    text = _text(content)
    return f"0x{content.hex()}" if text is None else _line(text)


def _described(value: bytes | None) -> str:
    if value is None:
        return "none"
    size = f"{len(value):,} byte{'' if len(value) == 1 else 's'}"
    if _text(value) is None:
        return f"{size}, not UTF-8"
    return f"{size}, {'text' if _json(value) is None else 'JSON, indented here'}"


def _pretty(value: bytes | None) -> list[str]:
    if not value:
        return []
    text = _text(value)
    if text is None:
        return _dump(value)
    return _escaped(_json(value) or text).split("\n")


def _json(value: bytes) -> str | None:
    try:
        return msgspec.json.format(value, indent=2).decode()
    except (ValueError, RecursionError):
        return None


def _dump(value: bytes) -> list[str]:
    """Return lines of an offset, bytes in hexadecimal, and the same as ASCII where printable."""
    lines = []
    for offset in range(0, len(value), _DUMP_BYTES):
        part = value[offset : offset + _DUMP_BYTES]
        shown = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)  # noqa: PLR2004 - printable ASCII
        lines.append(f"{offset:08x}  {part.hex(' '):<{3 * _DUMP_BYTES}} |{shown}|")
    return lines


def _escaped(text: str) -> str:
    return "".join(
        character
        if character.isprintable() or character == "\n"
        else character.encode("unicode_escape").decode()
        for character in text
    )


def _line(text: str) -> str:
    return _escaped(text).replace("\n", "\\n")
